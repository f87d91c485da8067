import t from 'tap'
import { criticalRankSum } from './rank-sum.js'

/** The critical values that textbooks print for the two-sided test, where there is one. */
const PRINTED: ReadonlyArray<[n: number, five: number, two: number, one: number]> = [
  [6, 0, -1, -1], [7, 2, 0, -1], [8, 3, 1, 0], [9, 5, 3, 1], [10, 8, 5, 3],
  [12, 13, 9, 7], [15, 25, 19, 15], [20, 52, 43, 37], [25, 89, 76, 68]
]

t.test('critical values are those that are printed', async t => {
  for (const [n, ...values] of PRINTED) t.same([0.05, 0.02, 0.01].map(share => criticalRankSum(n, share / 2)), values, `${n} values`)
})

t.test('of nothing nothing can be said', async t => {
  t.equal(criticalRankSum(0, 0.005), -1)
})
