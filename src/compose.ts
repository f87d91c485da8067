import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { createAuthenticator, type Authenticate } from './auth/authenticator.js'
import { ANONYMOUS, SYSTEM } from './auth/caller.js'
import { FailedAuthentications } from './auth/failed-authentications.js'
import { JwtVerifier } from './auth/jwt.js'
import { isLoopback } from './auth/loopback.js'
import { StaticTokens } from './auth/static-tokens.js'
import type { Config } from './config/config.js'
import type { Engine } from './engines/engine.js'
import { openEngine } from './engines/open-engine.js'
import { GatewayError } from './errors.js'
import { LIMITS } from './server/listener.js'
import { executionContextKind as kind } from './kinds/execution-context/kind.js'
import { runTokenOf } from './kinds/execution-context/run-tokens.js'
import { createOperations } from './kinds/operations.js'
import { createServer, type ServerSettings } from './server/server.js'
import { keepKeys } from './upkeep/keep-keys.js'
import { createObserver } from './telemetry/observer.js'
import { mostConnections } from './server/open-files.js'
import { KeyRing } from './secrets/ring.js'
import { createVault } from './secrets/vault.js'
import type { Store } from './storage/store.js'

const HOUR_MS = 3_600_000

type Settings = ServerSettings & Pick<Config, 'tokensFile' | 'jwt' | 'keyRing'>

/** The gateway that `config` asks for. Closing it closes all that it opened. */
export async function composeGateway (config: Config, log: Logger): Promise<FastifyInstance> {
  if (!isLoopback(config.host) && config.tls === undefined && config.trustedProxies.length === 0) {
    log.warn('tokens and secrets cross the network in clear: set ECTX_TLS_CERT and ECTX_TLS_KEY, or let a proxy end TLS and set ECTX_TRUSTED_PROXIES to its address')
  }
  const engine = await openEngine(config, (message, err) => log.warn({ err }, message))
  return serve(engine, { ...config, limits: { ...LIMITS, connections: Math.min(LIMITS.connections, mostConnections()) } }, log)
}

/** The gateway on any engine, which it closes when it closes. */
export async function serve (engine: Engine, config: Settings, log: Logger): Promise<FastifyInstance> {
  const { store, audit } = engine
  const ring = await KeyRing.open({ store: engine.keys, mayBegin: await isEmpty(store) })
  if (ring.problem !== undefined) log.error({ problem: ring.problem }, 'no secret can be sealed or revealed')
  const stopKeeping = keepKeys({ ring, store, audit, log, rotateAfterMs: config.keyRing.rotationHours * HOUR_MS })

  const failures = new FailedAuthentications(({ requestId, remoteAddress }, count) =>
    audit.recordEventually({ event: 'authentication_failed', caller: ANONYMOUS, request_id: requestId, remote_address: remoteAddress, outcome: 'unauthenticated', count }))

  const app = await createServer({
    ...config,
    operations: createOperations({ store, audit, vault: createVault(ring) }, createObserver(log)),
    authentication: {
      authenticate: await credentials(store, config, log),
      failed: credentials => failures.add(credentials)
    },
    ready: async () => {
      await Promise.all([store.ready(), audit.ready()])
      await ring.current()
    },
    log
  })
  app.addHook('onClose', async () => {
    await stopKeeping()
    failures.flush()
    await store.close()
    audit.recordEventually({ event: 'stopped', caller: SYSTEM, outcome: 'ok' })
    await engine.close()
  })
  await audit.record({ event: 'started', caller: SYSTEM, outcome: 'ok' })
  return app
}

/** Whether there is no context, for sure. Where there is one, a missing ring was there before: another in its place would be in the way of its return. */
const isEmpty = (store: Store): Promise<boolean> =>
  store.page(kind.name, {}, undefined, 1).then(({ records, damaged }) => records.length + damaged.length === 0, () => false)

async function credentials (store: Store, { tokensFile, jwt }: Pick<Config, 'tokensFile' | 'jwt'>, log: Logger): Promise<Authenticate> {
  const listeners = {
    onProblem: (problem: string) => log.error({ problem }, 'credentials cannot be read'),
    onMended: (what: string) => log.info(`credentials can be read again: ${what}`)
  }
  const allowSystem = tokensFile === undefined && jwt === undefined
  if (allowSystem) log.warn('no credentials are configured: everybody on this machine may do everything; set ECTX_TOKENS_FILE or ECTX_JWT_ISSUER')
  return createAuthenticator({
    tokens: tokensFile === undefined
      ? undefined
      : await named('ECTX_TOKENS_FILE', () => StaticTokens.open(tokensFile, listeners), '; how to make it says: npm run token -- --help'),
    jwt: jwt && await named('ECTX_JWT_JWKS', () => JwtVerifier.create({ ...jwt, ...listeners, onRefused: reason => log.info({ reason }, 'a JWT was refused') })),
    runTokenOf: runTokenOf(store),
    allowSystem
  })
}

/** What `open` makes of what `variable` names; what is wrong with that is told with the variable's name before it and `advice` behind. */
async function named<T> (variable: string, open: () => T | Promise<T>, advice = ''): Promise<T> {
  try {
    return await open()
  } catch (error) {
    const { code, message } = GatewayError.from(error)
    throw new GatewayError(code, `${variable}: ${message}${advice}`, { cause: error })
  }
}
