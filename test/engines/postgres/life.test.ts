// What happens to contexts, on PostgreSQL: see test/model/life.test.ts. Each statement goes to another process, and so these are few.
import t from 'tap'
import { testLife } from '../../model/life.js'
import { postgresEngines } from './support.js'

const RUNS = Number(process.env.MODEL_RUNS ?? 300) / 5
const SEED = Number(process.env.MODEL_SEED ?? 20)

const { open, timed } = await postgresEngines(t)

testLife(t, {
  engine: 'PostgreSQL',
  isDurable: true,
  async open (clock, dataDir) {
    const engine = await open(dataDir, clock)
    const { store, audit, close } = engine
    const closeStore = store.close.bind(store)
    store.close = () => {
      store.close = closeStore
      return close()
    }
    const timely = await timed(dataDir, engine, clock)
    return Object.assign(timely.store, { feed: timely.feed, log: audit })
  }
}, RUNS, SEED + 2_000_000)
