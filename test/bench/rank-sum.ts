/**
 * The critical value of Wilcoxon's signed-rank test: the greatest sum of the ranks of one sign, among `n` values that are as likely
 * of one sign as of the other, that is reached or gone below with a probability of at most `share`; -1 where there is none.
 */
export function criticalRankSum (n: number, share: number): number {
  // How many of the subsets of 1 … n have each sum.
  let subsets = [1]
  for (let rank = 1; rank <= n; rank++) {
    subsets = Array.from({ length: subsets.length + rank }, (_, sum) => (subsets[sum] ?? 0) + (subsets[sum - rank] ?? 0))
  }
  let sum = 0
  for (let reached = subsets[0]!; reached <= share * 2 ** n; reached += subsets[sum]!) sum++
  return sum - 1
}
