import fc from 'fast-check'
import { command } from './command.js'

// What happens to a gateway without a request: time passes, also backwards, it sweeps, and it is started again.

interface Jump {
  readonly by?: number
  /** To the next end of what is kept, or some milliseconds beside it. */
  readonly toNext?: { readonly of: 'context' | 'call', readonly off: number }
  /** To just before the end of what expired last. */
  readonly toLast?: true
}

const off = fc.integer({ min: -1, max: 1 })

export const jump = fc.oneof<fc.WeightedArbitrary<Jump>[]>(
  { arbitrary: fc.record({ by: fc.integer({ min: 1, max: 2_000 }) }), weight: 3 },
  { arbitrary: fc.record({ toNext: fc.record({ of: fc.constant('context' as const), off }) }), weight: 6 },
  { arbitrary: fc.record({ toNext: fc.record({ of: fc.constant('call' as const), off }) }), weight: 2 },
  { arbitrary: fc.record({ by: fc.integer({ min: -2_000, max: -1 }) }), weight: 1 },
  { arbitrary: fc.record({ toLast: fc.constant(true as const) }), weight: 1 }
).map(command('jump', async (model, { clock }, { by = 0, toNext, toLast }) => {
  const next = toNext && model.nextEnd(toNext.of)
  const last = toLast && model.lastEnd
  if (next !== undefined) model.setTime(next + toNext!.off)
  else if (last !== undefined) model.setTime(last - 1)
  else model.setTime(model.now + by)
  clock.time = model.now
}))

export const sweep = fc.constant(undefined).map(command('sweep', async (model, real) => {
  await real.sweep()
  model.sweep()
}))

export const restart = fc.constant(undefined).map(command('restart', (_model, real) => real.restart()))
