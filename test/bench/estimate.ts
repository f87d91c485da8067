import { median } from './measure.js'
import { criticalRankSum } from './rank-sum.js'

export interface Estimate {
  readonly middle: number
  readonly low: number
  readonly high: number
  /** Whether `low` to `high` is an interval of `CONFIDENCE`: of too few values it is from the least to the greatest. */
  readonly sure: boolean
}

/** How often the interval of two that do not differ has 0 within. */
export const CONFIDENCE = 0.99

/**
 * What `differences` of pairs come to: the median of their pairwise means (Hodges and Lehmann), and the interval that the
 * signed-rank test leaves. It takes nothing for granted but that chance does as much one way as the other; a wild value moves it little.
 */
export function estimate (differences: readonly number[]): Estimate {
  const means = differences.flatMap((a, index) => differences.slice(index).map(b => (a + b) / 2)).sort((a, b) => a - b)
  const critical = criticalRankSum(differences.length, (1 - CONFIDENCE) / 2)
  const at = (index: number) => means[index] ?? NaN
  const beyond = Math.max(critical, 0)
  return {
    middle: median(means),
    low: at(beyond),
    high: at(means.length - 1 - beyond),
    sure: critical >= 0
  }
}
