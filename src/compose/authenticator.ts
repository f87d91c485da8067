import type { Logger } from 'pino'
import { createAuthenticator, type Authenticate, type AuthenticatorOptions } from '../auth/authenticator.js'
import { JwtVerifier } from '../auth/jwt.js'
import { StaticTokens } from '../auth/static-tokens.js'
import type { Clock } from '../clock.js'
import type { Config } from '../config/config.js'
import { GatewayError } from '../errors.js'
import type { Listeners } from '../files/trouble.js'

/** What tells who calls, by all that `config` names, and the run tokens that `runTokenOf` finds. */
export async function authenticator (
  runTokenOf: AuthenticatorOptions['runTokenOf'],
  { tokensFile, jwt }: Pick<Config, 'tokensFile' | 'jwt'>,
  log: Logger,
  clock: Clock
): Promise<Authenticate> {
  const watching = { clock, ...listenersOf(log) }
  const allowSystem = tokensFile === undefined && jwt === undefined
  if (allowSystem) {
    log.warn(
      'no credentials are configured: everybody on this machine may do everything; set ECTX_TOKENS_FILE or ECTX_JWT_ISSUER'
    )
  }
  return createAuthenticator({
    tokens: tokensFile === undefined
      ? undefined
      : await named('ECTX_TOKENS_FILE', () => StaticTokens.open(tokensFile, watching), '; how to make it says: npm run token -- --help'),
    jwt: jwt && await named(
      'ECTX_JWT_JWKS',
      () => JwtVerifier.create({ ...jwt, ...watching, onRefused: reason => log.info({ reason }, 'a JWT was refused') })
    ),
    runTokenOf,
    allowSystem
  })
}

/** Those who tell `log` of files of credentials. */
export const listenersOf = (log: Logger): Listeners => ({
  onProblem: problem => log.error({ problem }, 'credentials cannot be read'),
  onMended: what => log.info(`credentials can be read again: ${what}`)
})

/** What `open` makes of what `variable` names; what is wrong with that is told with the variable's name before it and `advice` behind. */
async function named<T> (variable: string, open: () => T | Promise<T>, advice = ''): Promise<T> {
  try {
    return await open()
  } catch (error) {
    const { code, message } = GatewayError.from(error)
    throw new GatewayError(code, `${variable}: ${message}${advice}`, { cause: error })
  }
}
