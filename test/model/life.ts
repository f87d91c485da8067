import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Test } from 'tap'
import type { Open } from '../support/timed-gateway.js'
import { assertAgrees } from './answers.js'
import type { Command } from './command.js'
import { Model } from './model.js'
import { jump, restart, sweep } from './passing.js'
import { batchGet, env, get, getVersion, list, lookAtAll } from './reading.js'
import { startReal, type Real } from './real.js'
import { beat, create, createSeveral, remove, removeOfExecution, retry, rotate } from './writing.js'

/** So many use one gateway. */
const AT_ONCE = 50
const LONGEST = 30

const commandsFor = (isDurable: boolean) => fc.commands([fc.oneof<Array<fc.WeightedArbitrary<Command>>>(
  { arbitrary: create, weight: 8 },
  { arbitrary: createSeveral, weight: 3 },
  { arbitrary: retry, weight: 5 },
  { arbitrary: jump, weight: 6 },
  { arbitrary: beat, weight: 3 },
  { arbitrary: rotate, weight: 4 },
  { arbitrary: getVersion, weight: 3 },
  { arbitrary: remove, weight: 3 },
  { arbitrary: removeOfExecution, weight: 1 },
  { arbitrary: sweep, weight: 2 },
  { arbitrary: get, weight: 5 },
  { arbitrary: list, weight: 5 },
  { arbitrary: batchGet, weight: 1 },
  { arbitrary: env, weight: 1 },
  { arbitrary: lookAtAll, weight: 2 },
  { arbitrary: restart, weight: isDurable ? 2 : 0 }
)], { maxCommands: LONGEST, size: 'max' })

/** What is held to the model: an engine, and whether a gateway on it can be closed and started again without losing anything. */
interface Subject {
  readonly engine: string
  readonly open: Open
  readonly isDurable: boolean
}

/** Runs that many random sequences against a gateway on the engine. */
export function testLife (t: Test, { engine, open, isDurable }: Subject, runs: number, firstSeed: number): void {
  for (let from = 0; from < runs; from += AT_ONCE) {
    const numRuns = Math.min(AT_ONCE, runs - from)
    const seed = firstSeed + from
    t.test(`${engine}: ${numRuns} sequences, with seed ${seed}`, async t => {
      let real: Real | undefined
      await fc.assert(fc.asyncProperty(commandsFor(isDurable), async commands => {
        // After a failure nothing is known of the gateway, and the next begins with a new one.
        const current = real ?? await startReal(t, open)
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
