import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { AuditLog } from './audit/log.js'
import { createAuthenticator, type Authenticate } from './auth/authenticator.js'
import { ANONYMOUS, SYSTEM } from './auth/caller.js'
import { JwtVerifier } from './auth/jwt.js'
import { StaticTokens } from './auth/static-tokens.js'
import type { Config } from './config.js'
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

  const app = await createServer({
    ...config,
    operations: createOperations({ store, audit, vault: createVault(ring) }, createObserver(log)),
    authentication: {
      authenticate: await credentials(store, config, log),
      failed: ({ requestId, remoteAddress }) => audit.recordEventually({ event: 'authentication_failed', caller: ANONYMOUS, request_id: requestId, remote_address: remoteAddress, outcome: 'unauthenticated' })
    },
    ready: async () => {
      await Promise.all([store.ready(), audit.ready()])
      ring.current()
    },
    log
  })
  app.addHook('onClose', async () => {
    await stopKeeping()
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
  const onProblem = (problem: string) => log.error({ problem }, 'changed credentials were not taken')
  const allowSystem = tokensFile === undefined && jwt === undefined
  if (allowSystem) log.warn('no credentials are configured: everybody on this machine may do everything; set ECTX_TOKENS_FILE or ECTX_JWT_ISSUER')
  return createAuthenticator({
    tokens: tokensFile === undefined ? undefined : await StaticTokens.open(tokensFile, { onProblem }),
    jwt: jwt && JwtVerifier.create({ ...jwt, onProblem, onRefused: reason => log.info({ reason }, 'a JWT was refused') }),
    runTokenOf: runTokenOf(store),
    allowSystem
  })
}
