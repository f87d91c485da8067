import type { Test } from 'tap'
import { placesIn } from '../../src/config/places.js'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import type { Store } from '../../src/storage/store.js'
import { sweepAll } from '../../src/upkeep/sweep.js'
import { bearer, OPERATOR, withTokens } from './callers.js'
import { TestClock } from './clock.js'
import { newDataDir } from './data-dir.js'
import { until } from './until.js'
import { contextBody, PATH, post, startGateway, type LoggedStore } from './gateway.js'

/** Opens a store, whose files, if it has any, lie in the data directory. */
export type Open = (clock: TestClock, dataDir: string) => LoggedStore | Promise<LoggedStore>

interface Options {
  readonly open?: Open
  readonly env?: Readonly<Record<string, string>>
  readonly clock?: TestClock
}

/** Every engine whose clock a test can set. */
export const timedEngines: Readonly<Record<string, Open>> = {
  memory: clock => new MemoryStore(clock),
  level: (clock, dataDir) => LevelStore.open(placesIn(dataDir).database, clock)
}

/**
 * A gateway whose clock the test sets, with the tokens of an operator and a viewer. Its store is swept when the test says so alone: the
 * gateway's own sweeper comes by when it likes, and where a clock goes back that can be told.
 */
export async function timedGateway (
  t: Test, { open = timedEngines.memory!, env = {}, clock = new TestClock() }: Options = {}
) {
  const dataDir = env.ECTX_DATA_DIR ?? newDataDir(t)
  const store = await open(clock, dataDir)
  const sweeping = { sweep: store.sweep.bind(store) } as Store
  store.sweep = async () => ({ removed: [], damaged: [] })
  const { app, lines, close } = await startGateway(t, store, { ...withTokens(t), ...env, ECTX_DATA_DIR: dataDir }, undefined, clock)

  // Nothing is swept before that.
  if (store instanceof LevelStore) await until(() => store.integrity.isWhole)

  /** Asks as whoever has `token`. */
  const ask = (method: 'GET' | 'HEAD' | 'POST' | 'DELETE', url: string, { token = OPERATOR, headers = {}, body }: Asking = {}) =>
    app.inject({ method, url, headers: { ...bearer(token), ...headers }, payload: body })
  return {
    app,
    clock,
    store,
    lines,
    close,
    ask,
    sweep: () => sweepAll(sweeping),
    get: (url: string, token?: string, headers: Record<string, string> = {}) => ask('GET', PATH + url, { token, headers }),
    make: (name: string, spec: object = {}, query = '', path = PATH, headers: Record<string, string> = {}) =>
      post(app, { metadata: { name }, spec: { ...contextBody().spec, ...spec } }, path + query, { ...bearer(OPERATOR), ...headers }),
    /** The events of the audit log, of a context or of all. */
    events: async (id?: string): Promise<Array<Record<string, any>>> =>
      (await ask('GET', id === undefined ? '/v1/audit-events?page_size=1000' : `${PATH}/${id}/audit`)).json().events
  }
}

interface Asking {
  readonly token?: string | undefined
  readonly headers?: Record<string, string>
  readonly body?: object
}
