import type { Measure } from './measures.js'

/** What is asked of each process. */
export interface Plan {
  readonly measures: readonly Measure[]
  readonly rounds: number
  /** How much of the requests that the measures say. */
  readonly share: number
}

export const planOf = (measures: readonly Measure[], quick: boolean): Plan => ({ measures, rounds: quick ? 1 : 2, share: quick ? 0.1 : 1 })

/** On two idle cores: to start, for a request that warms up (all processes do at once), for one that counts, and until all is at rest. */
const SECONDS = { start: 3, warm: 0.00012, request: { many: 0.00012, one: 0.001 }, quiet: 0.15 }

/** About how long it takes to measure `processes` side by side. */
export function secondsOf ({ measures, rounds, share }: Plan, processes: number): number {
  const each = measures.map(({ warm, count, connections }) =>
    warm * share * SECONDS.warm + rounds * (count * share * SECONDS.request[connections] + SECONDS.quiet))
  return SECONDS.start + processes * each.reduce((sum, seconds) => sum + seconds, 0)
}
