import type { Test } from 'tap'
import type { AuditLog } from '../../src/audit/audit-log.js'
import type { AuditOutbox } from '../../src/audit/audit-outbox.js'
import { assemble } from '../../src/compose/compose.js'
import { systemClock, type Clock } from '../../src/clock.js'
import { loadConfig } from '../../src/config/config.js'
import { openAuditFiles } from '../../src/engines/embedded/audit/audit-files.js'
import { embeddedSupports } from '../../src/engines/embedded/embedded.js'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { RingFile } from '../../src/engines/embedded/keys/ring-file.js'
import { TreeFiles, type SealedDatabase } from '../../src/engines/embedded/trees/tree-files.js'
import type { Engine } from '../../src/engines/engine.js'
import { LocalDeliveries } from '../../src/engines/local-deliveries.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { LIMITS, type Limits } from '../../src/server/listener.js'
import { createLogger } from '../../src/telemetry/log.js'
import { placesIn } from '../../src/config/places.js'
import { loadRootKey } from '../../src/secrets/root-key.js'
import type { Feed } from '../../src/storage/feed.js'
import type { Store } from '../../src/storage/store.js'
import { newDataDir } from './data-dir.js'

// A test machine may be busy: only where it is the subject does the gateway refuse for that.
const UNHURRIED = { ...LIMITS, loopDelay: Infinity }

/** A store that audit events wait in, for the files of a log, or one of an engine that has a log of its own. */
export type LoggedStore = (Store | Store & SealedDatabase) & { readonly feed: Feed } &
  ({ readonly outbox: AuditOutbox } | { readonly log: AuditLog })

/**
 * A gateway on `store`, beside the audit files and the key ring of a data directory, for `app.inject`, with the variables
 * of `env`; closed when the test ends. `lines` holds what it logs.
 */
export async function startGateway (
  t: Test,
  store: LoggedStore | undefined = undefined,
  env: Readonly<Record<string, string>> = {},
  limits: Limits = UNHURRIED,
  clock: Clock = systemClock
) {
  const kept = store ?? new MemoryStore(clock)
  const dataDir = env.ECTX_DATA_DIR ?? newDataDir(t)
  const lines: Array<Record<string, unknown>> = []
  const log = createLogger('trace', { write: line => { lines.push(JSON.parse(line)) } })
  const config = loadConfig({ ...env, ECTX_DATA_DIR: dataDir })
  const places = placesIn(dataDir, config.keyRing.file)
  const warn = (message: string, err: unknown) => log.warn({ err }, message)
  const { auditDays: retentionDays, auditBacklog: backlog } = config
  const audit = 'log' in kept
    ? kept.log
    : await openAuditFiles(kept.outbox, { directory: places.audit, retentionDays, backlog, clock, warn })
  const engine: Engine = {
    supports: embeddedSupports,
    store: kept,
    feed: kept.feed,
    deliveries: new LocalDeliveries(kept.feed, clock),
    audit,
    integrity: kept instanceof LevelStore ? kept.integrity : undefined,
    keys: new RingFile(places.keyRing, loadRootKey(config.keyRing.root)),
    trees: new TreeFiles(places.trees, 'hasTrees' in kept ? kept : { keysOfRecords: () => kept.keysInUse(), hasTrees: async () => false, noteTrees: async () => {} }),
    async close () {
      await audit.close()
      await kept.close()
    }
  }
  const { http: app, grpc, close } = await assemble(engine, { ...config, limits }, log, clock)
  t.teardown(close)
  return { app, grpc, close, lines, dataDir }
}

/** The body of a request that creates a context, with `changes` laid over its top level. */
export const contextBody = (changes: { metadata?: object, spec?: object } = {}) => ({
  metadata: { name: 'My Run' },
  spec: { execution_id: 'wfx-1', data: { REGION: { value: 'eu-central-1' }, TOKEN: { value: 's3cr3t', is_secret: true } } },
  ...changes
})

export const PATH = '/v1/execution-contexts'

type App = Awaited<ReturnType<typeof startGateway>>['app']

/** Posts `body`: an object as JSON, anything else as the bytes that are sent as JSON. */
export const post = (app: App, body: object | string, url = PATH, headers: Record<string, string> = {}) => app.inject({
  method: 'POST',
  url,
  payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers }
})

/** A new context of `app`, with the name `name`. */
export async function createContext (app: App, name = 'My Run') {
  const response = await post(app, contextBody({ metadata: { name } }))
  const context = response.json()
  return { id: context.metadata.id as string, slug: context.metadata.slug as string, etag: response.headers.etag as string, context }
}
