// node partial.js <directory> <part>...: the gateway over HTTP with some of its parts alone, to see what each of them costs.
// Without parts the operations answer at once; `operations` does them, on a store in memory; `audit` records them.
import { join } from 'node:path'
import { createAuthenticator } from '../../src/auth/authenticator.js'
import { StaticTokens } from '../../src/auth/static-tokens.js'
import { systemClock } from '../../src/clock.js'
import { openAuditFiles } from '../../src/engines/embedded/audit/audit-files.js'
import { RingFile } from '../../src/engines/embedded/keys/ring-file.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { MemoryTrees } from '../../src/engines/memory/memory-trees.js'
import { executionContextKind as kind } from '../../src/kinds/execution-context/kind.js'
import { Hub } from '../../src/events/hub.js'
import { createOperations } from '../../src/kinds/operations.js'
import { BODY_LIMIT } from '../../src/rest/input/body-limit.js'
import { createRest } from '../../src/rest/rest.js'
import { Bodies } from '../../src/server/bodies.js'
import { createServer } from '../../src/server/server.js'
import { answerOf } from '../../src/resource/answer.js'
import { openRecord } from '../../src/resource/sealed-record.js'
import { createLog } from '../../src/telemetry/log.js'
import { createObserver } from '../../src/telemetry/observer.js'
import { KeyRing } from '../../src/secrets/ring.js'
import { Trees } from '../../src/secrets/trees.js'
import { vaultOf } from '../../src/secrets/vault.js'
import { recordOf } from './record.js'

const [, , directory = '', ...parts] = process.argv
const { log } = await createLog('info')
const vault = vaultOf(await KeyRing.open({ store: new RingFile(join(directory, 'keyring.json')) }), new Trees(new MemoryTrees()))
const store = new MemoryStore()
const hub = new Hub(store.feed)
const forgetful = { admit () {}, record: async () => {}, recordEventually () {}, query: async () => ({ events: [], verified: true }) }
const audit = parts.includes('audit') ? await openAuditFiles(store.outbox, { directory: join(directory, 'audit') }) : forgetful

const record = await recordOf(0, vault)
const answer = answerOf(kind, await openRecord(vault, record), 'redacted')
const atOnce = async () => answer
const operations = parts.includes('operations')
  ? createOperations(
    { store, hub, audit, vault, clock: systemClock, lifetimes: { defaultMs: 86_400_000, maxMs: 86_400_000 } },
    createObserver(log),
    10_000
  )
  : {
      executionContexts: {
        create: atOnce,
        apply: atOnce,
        get: atOnce,
        getByReference: atOnce,
        delete: atOnce,
        heartbeat: async () => ({ leaseExpireTime: 0, expireTime: 0 }),
        list: async () => ({ answers: [], damaged: [] }),
        deleteByExecution: async () => [],
        getBatch: async () => ({ answers: [], notFound: [] }),
        rotate: atOnce,
        exportEnv: async () => ({ format: 'json' as const, text: '{}' })
      },
      auditEvents: { list: async () => ({ events: [], verified: true }) },
      events: { watch: async () => ({ subscription: await hub.follow({}), isThere: async () => true }), list: async () => ({ events: [], next: '' }) }
    }

const tokens = await StaticTokens.open(join(directory, 'tokens.json'))
const { http: app } = await createServer({
  transports: [createRest(operations, new Bodies(BODY_LIMIT))],
  authentication: { authenticate: createAuthenticator({ tokens, runTokenOf: async () => undefined, allowSystem: false }), failed () {} },
  ready: async () => {},
  log,
  requestsPerMinute: 1_000_000_000
})
const address = await app.listen({ host: '127.0.0.1', port: 0 })
log.info({ address }, 'ready')
process.once('SIGTERM', () => process.exit(0))
