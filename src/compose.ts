import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { createAuthenticator, type Authenticate } from './auth/authenticator.js'
import { ANONYMOUS, SYSTEM } from './auth/caller.js'
import { JwtVerifier } from './auth/jwt.js'
import { StaticTokens } from './auth/static-tokens.js'
import type { Config } from './config.js'
import type { Engine } from './engines/engine.js'
import { openEngine } from './engines/open-engine.js'
import { executionContextKind as kind } from './execution-context/kind.js'
import { createOperations } from './execution-context/operations.js'
import { runTokenOf } from './execution-context/run-tokens.js'
import { createServer, type ServerSettings } from './http/server.js'
import { keepKeys } from './keeping.js'
import { createObserver } from './observer.js'
import { KeyRing } from './secrets/ring.js'
import { createVault } from './secrets/vault.js'
import type { Store } from './storage/store.js'

const HOUR_MS = 3_600_000

type Settings = ServerSettings & Pick<Config, 'tokensFile' | 'jwt' | 'keyRing'>

/** The gateway that `config` asks for. Closing it closes all that it opened. */
export async function composeGateway (config: Config, log: Logger): Promise<FastifyInstance> {
  const engine = await openEngine(config, (message, err) => log.warn({ err }, message))
  return serve(engine, config, log)
}

/** The gateway on any engine, which it closes when it closes. */
export async function serve (engine: Engine, config: Settings, log: Logger): Promise<FastifyInstance> {
  const { store, audit } = engine
  const ring = await KeyRing.open({ store: engine.keys, mayBegin: await isEmpty(store) })
  if (ring.problem !== undefined) log.error({ problem: ring.problem }, 'no secret can be sealed or revealed')
  const stopKeeping = keepKeys({ ring, store, audit, log, rotateAfterMs: config.keyRing.rotationHours * HOUR_MS })

  const app = await createServer({
    ...config,
    operations: createOperations({ store, audit, vault: createVault(ring) }, createObserver(log)),
    authentication: {
      authenticate: await credentials(store, config, log),
      failed: ({ requestId, remoteAddress }) => audit.recordEventually({ event: 'authentication_failed', caller: ANONYMOUS, request_id: requestId, remote_address: remoteAddress, outcome: 'unauthenticated' })
    },
    ready: async () => {
      await Promise.all([store.ready(), audit.ready()])
      await ring.current()
    },
    log
  })
  app.addHook('onClose', async () => {
    await stopKeeping()
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
