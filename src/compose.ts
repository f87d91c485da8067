import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { AuditLog } from './audit/log.js'
import { createAuthenticator, type Authenticate } from './auth/authenticator.js'
import { ANONYMOUS, SYSTEM } from './auth/caller.js'
import { FailedAuthentications } from './auth/failed-authentications.js'
import { JwtVerifier } from './auth/jwt.js'
import { isLoopback } from './auth/loopback.js'
import { StaticTokens } from './auth/static-tokens.js'
import type { Config } from './config.js'
import { GatewayError } from './errors.js'
import { executionContextKind as kind } from './execution-context/kind.js'
import { createOperations } from './execution-context/operations.js'
import { runTokenOf } from './execution-context/run-tokens.js'
import { LIMITS } from './http/listener.js'
import { createServer, type ServerSettings } from './http/server.js'
import { keepKeys } from './keeping.js'
import { createObserver } from './observer.js'
import { mostConnections } from './open-files.js'
import { KeyRing } from './secrets/ring.js'
import { loadRootKey } from './secrets/root-key.js'
import { createVault } from './secrets/vault.js'
import { LevelStore } from './storage/level.js'
import { makePrivate } from './storage/private-directory.js'
import type { Store } from './storage/store.js'

const HOUR_MS = 3_600_000

type Settings = ServerSettings & Pick<Config, 'dataDir' | 'tokensFile' | 'jwt' | 'keyRing' | 'auditDays'>

/** The gateway that `config` asks for: the one place that picks an engine. Closing it closes all that it opened. */
export async function composeGateway (config: Config, log: Logger): Promise<FastifyInstance> {
  if (!isLoopback(config.host) && config.tls === undefined && config.trustedProxies.length === 0) {
    log.warn('tokens and secrets cross the network in clear: set ECTX_TLS_CERT and ECTX_TLS_KEY, or let a proxy end TLS and set ECTX_TRUSTED_PROXIES to its address')
  }
  await makePrivate(config.dataDir)
  // First: its lock keeps a second process out of the whole directory.
  const store = await LevelStore.open(join(config.dataDir, 'db'))
  return serve(store, { ...config, limits: { ...LIMITS, connections: Math.min(LIMITS.connections, mostConnections()) } }, log)
}

/** The gateway on any store, which it closes when it closes. */
export async function serve (store: Store, config: Settings, log: Logger): Promise<FastifyInstance> {
  const { dataDir, keyRing } = config
  const warn = (message: string, err?: unknown) => log.warn({ err }, message)
  const audit = await AuditLog.open({ directory: join(dataDir, 'audit'), retentionDays: config.auditDays, warn })
  const ring = await KeyRing.open({ file: keyRing.file ?? join(dataDir, 'keyring.json'), rootKey: loadRootKey(keyRing.root), mayBegin: await isEmpty(store) })
  if (ring.problem !== undefined) log.error({ problem: ring.problem }, 'no secret can be sealed or revealed')
  const stopKeeping = keepKeys({ ring, store, audit, log, rotateAfterMs: keyRing.rotationHours * HOUR_MS })

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
      ring.current()
    },
    log
  })
  app.addHook('onClose', async () => {
    await stopKeeping()
    failures.flush()
    await store.close()
    audit.recordEventually({ event: 'stopped', caller: SYSTEM, outcome: 'ok' })
    await audit.close()
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
