import type { Estimate } from './estimate.js'

/** What "the same" means here, as a share. */
const SAME = 0.05

const percent = (logarithm: number): string => (Math.abs(Math.expm1(logarithm)) * 100).toFixed(1)

/**
 * In words what the logarithm of how this checkout compares with the other commit says, and nothing where it says nothing. `control` is how
 * this checkout compares with itself: where that is not the same, nothing is known of the other.
 */
export function verdict ({ low, high, sure }: Estimate, control: Estimate): string {
  if (!sure) return ''
  if (control.low > 0 || control.high < 0) return 'no verdict: the control is off'
  if (low > 0) return `${percent(low)} to ${percent(high)} % more`
  if (high < 0) return `${percent(high)} to ${percent(low)} % less`
  return low > Math.log(1 - SAME) && high < Math.log(1 + SAME) ? `the same within ${SAME * 100} %` : ''
}
