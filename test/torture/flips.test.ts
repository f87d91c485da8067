import t from 'tap'
import { flipBits } from './flips.js'

const RUNS = 70

t.test(`of ${RUNS} bits turned on the disk each is found out, or changes nothing`, async t => {
  let seed = 7
  const random = () => (seed = seed * 48_271 % 2_147_483_647) / 2_147_483_647
  const { table, wrong } = await flipBits({ runs: RUNS, place: t.testdir(), random })
  t.same(wrong, [])
  t.ok(table.every(({ harmless, runs }) => harmless < runs || runs < 3), 'the flips reach what is read')
  t.comment(table)
})
