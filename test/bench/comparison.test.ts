import t from 'tap'
import { compare } from './comparison.js'

const shared = [1, 1.5, 0.7, 1.2, 1, 2, 0.9, 1.1]

t.test('a machine that is slow for a while changes no ratio', async t => {
  const { ratio, control } = compare(shared.map(slow => ({ other: 100 * slow, one: 110 * slow, again: 110 * slow })))
  for (const logarithm of [ratio.low, ratio.middle, ratio.high]) t.equal(Math.exp(logarithm).toFixed(6), '1.100000')
  for (const logarithm of [control.low, control.middle, control.high]) t.equal(Math.exp(logarithm).toFixed(6), '1.000000')
})

t.test('the ratio is of both processes of this checkout, the control of one beside the other', async t => {
  const { ratio, control } = compare(shared.map(slow => ({ other: 100 * slow, one: 50 * slow, again: 200 * slow })))
  t.equal(Math.exp(ratio.middle).toFixed(6), '1.000000')
  t.equal(Math.exp(control.middle).toFixed(6), '4.000000')
})
