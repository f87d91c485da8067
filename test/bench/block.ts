import { rmSync } from 'node:fs'
import type { Build } from './builds.js'
import { inTurn } from './in-turn.js'
import { mean } from './measure.js'
import type { Measure } from './measures.js'
import type { Plan } from './plan.js'
import { Subject } from './subject.js'

/** What a request costs in one process, by each measure. */
export type Costs = ReadonlyMap<Measure, number>

/** Contexts that are stored before anything else, and never deleted. */
const KEPT = 1_000
/** Before the first requests are compiled, many at once are more than a busy machine can take. */
const FIRST = { operation: 'create', connections: 'one' } as const
const FILLING = { operation: 'create', connections: 'many' } as const

/** How many are deleted beyond those that warming up creates. */
function deletes (measures: readonly Measure[], rounds: number): number {
  const all = (name: Measure['operation'], of: (measure: Measure) => number) =>
    measures.filter(({ operation }) => operation === name).reduce((sum, measure) => sum + of(measure), 0)
  return Math.max(0, all('delete', ({ warm, count }) => warm + rounds * count) - all('create', ({ warm }) => warm))
}

/**
 * Measures a new process of each of `builds`, side by side: in every round each is asked the same, one right after the other, in
 * the order of that turn. So what the machine does meanwhile falls on all of them.
 * @throws {WrongAnswer} where one refuses
 */
export async function runBlock (builds: readonly Build[], plan: Plan, block: number, place: string, tokensFile: string): Promise<Costs[]> {
  const { measures, rounds, share } = plan
  const subjects = await Promise.all(builds.map((build, index) => Subject.start(build, `${place}/${index}`, tokensFile)))
  try {
    const some = (count: number) => Math.ceil(count * share)
    await Promise.all(subjects.map(async subject => {
      await subject.warm(FIRST, KEPT)
      await subject.warm(FILLING, some(deletes(measures, rounds)))
      for (const measure of measures) await subject.warm(measure, some(measure.warm))
      await subject.quiet()
    }))

    const values = subjects.map(() => new Map<Measure, number[]>(measures.map(measure => [measure, []])))
    for (let round = 0; round < rounds; round++) {
      for (const measure of measures) {
        for (const index of inTurn([...subjects.keys()], block * rounds + round)) {
          values[index]!.get(measure)!.push(await subjects[index]!.measure(measure, some(measure.count)))
        }
      }
    }
    return values.map(found => new Map([...found].map(([measure, costs]) => [measure, mean(costs)])))
  } finally {
    await Promise.all(subjects.map(subject => subject.stop()))
    rmSync(place, { recursive: true })
  }
}
