// Random sequences of what happens to contexts, against a gateway on each engine and a small model of it, which must
// agree after each. `npm test` runs 300 of them, the same each time. MODEL_SEED=7 runs others, and more of them
//
//   MODEL_RUNS=5000 TAP_TIMEOUT=1800 node --enable-source-maps dist/test/model/life.test.js
//
// What fails is shown as short as it could be made, with the seed and the path that run it again.
import t from 'tap'
import { timedEngines } from '../support/timed-gateway.js'
import { testLife } from './life.js'

const RUNS = Number(process.env.MODEL_RUNS ?? 300)
const SEED = Number(process.env.MODEL_SEED ?? 20)

const engines = Object.entries(timedEngines)
for (const [nth, [engine, open]] of engines.entries()) {
  testLife(t, { engine, open, isDurable: engine !== 'memory' }, Math.ceil(RUNS / engines.length), SEED + nth * 1_000_000)
}
