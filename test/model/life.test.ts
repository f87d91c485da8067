// Random sequences of what happens to contexts, against a gateway on each engine and a small model of it, which must
// agree after each. `npm test` runs 300 of them, the same each time. MODEL_SEED=7 runs others, and more of them
//
//   MODEL_RUNS=5000 TAP_TIMEOUT=1800 node --enable-source-maps dist/test/model/life.test.js
//
// What fails is shown as short as it could be made, with the seed and the path that run it again.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { timedEngines } from '../support/timed-gateway.js'
import { assertAgrees } from './answers.js'
import type { Command } from './command.js'
import { Model } from './model.js'
import { jump, restart, sweep } from './passing.js'
import { batchGet, env, get, list, lookAtAll } from './reading.js'
import { DURABLE, startReal, type Real } from './real.js'
import { beat, create, createSeveral, remove, removeOfExecution, retry } from './writing.js'

const RUNS = Number(process.env.MODEL_RUNS ?? 300)
const SEED = Number(process.env.MODEL_SEED ?? 20)
/** So many use one gateway. */
const AT_ONCE = 50
const LONGEST = 30

const commandsFor = (engine: string) => fc.commands([fc.oneof<Array<fc.WeightedArbitrary<Command>>>(
  { arbitrary: create, weight: 8 },
  { arbitrary: createSeveral, weight: 3 },
  { arbitrary: retry, weight: 5 },
  { arbitrary: jump, weight: 6 },
  { arbitrary: beat, weight: 3 },
  { arbitrary: remove, weight: 3 },
  { arbitrary: removeOfExecution, weight: 1 },
  { arbitrary: sweep, weight: 2 },
  { arbitrary: get, weight: 5 },
  { arbitrary: list, weight: 5 },
  { arbitrary: batchGet, weight: 1 },
  { arbitrary: env, weight: 1 },
  { arbitrary: lookAtAll, weight: 2 },
  { arbitrary: restart, weight: DURABLE.has(engine) ? 2 : 0 }
)], { maxCommands: LONGEST, size: 'max' })

const engines = Object.keys(timedEngines)
for (const [nth, engine] of engines.entries()) {
  const runs = Math.ceil(RUNS / engines.length)
  for (let from = 0; from < runs; from += AT_ONCE) {
    const numRuns = Math.min(AT_ONCE, runs - from)
    const seed = SEED + nth * 1_000_000 + from
    t.test(`${engine}: ${numRuns} sequences, with seed ${seed}`, async t => {
      let real: Real | undefined
      await fc.assert(fc.asyncProperty(commandsFor(engine), async commands => {
        // After a failure nothing is known of the gateway, and the next begins with a new one.
        const current = real ?? await startReal(t, engine)
        real = undefined
        try {
          const model = new Model(current.clock.time)
          await fc.asyncModelRun(() => ({ model, real: current }), commands)
          assert.equal(await current.empty(model.endOfAll), 0, 'what has expired is swept, with all that was kept of it')
          await assertAgrees(new Model(current.clock.time), current)
          real = current
        } finally {
          if (real === undefined) await current.close()
        }
      }), { numRuns, seed })
    })
  }
}
