// What happens to contexts, on PostgreSQL: see test/model/life.test.ts. Each statement goes to another process, and so these are few.
import t from 'tap'
import type { PostgresStore } from '../../../src/engines/postgres/postgres-store.js'
import { testLife } from '../../model/life.js'
import { postgresEngines } from './support.js'

const RUNS = Number(process.env.MODEL_RUNS ?? 300) / 5
const SEED = Number(process.env.MODEL_SEED ?? 20)

const { open, timed } = await postgresEngines(t)

testLife(t, {
  engine: 'PostgreSQL',
  isDurable: true,
  async open (clock, dataDir) {
    const { store, close } = await open(dataDir, clock)
    const closeStore = store.close.bind(store)
    // The engine's own log has nothing to do here, and closes with it.
    store.close = () => {
      store.close = closeStore
      return close()
    }
    return await timed(dataDir, store, clock) as PostgresStore
  }
}, RUNS, SEED + 2_000_000)
