import fc from 'fast-check'
import t from 'tap'
import { CONFIDENCE, estimate } from './estimate.js'

const differences = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 20 })

t.test('the middle lies within the interval, and the interval within the values', async t => {
  fc.assert(fc.property(differences, values => {
    const { low, middle, high } = estimate(values)
    return Math.min(...values) <= low && low <= middle && middle <= high && high <= Math.max(...values)
  }))
})

t.test('what is the other way round has the opposite estimate', async t => {
  fc.assert(fc.property(differences, values => {
    const there = estimate(values)
    const back = estimate(values.map(value => -value))
    return [there.low + back.high, there.middle + back.middle, there.high + back.low].every(sum => Math.abs(sum) < 1e-9)
  }))
})

t.test('where chance alone gives the signs, no more intervals are without 0 than it says, and hardly fewer', async t => {
  const sizes = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 10, maxLength: 10 })
  fc.assert(fc.property(sizes, sizes => {
    let without = 0
    for (let signs = 0; signs < 2 ** sizes.length; signs++) {
      const { low, high } = estimate(sizes.map((size, index) => signs >> index & 1 ? size : -size))
      if (low > 0 || high < 0) without++
    }
    const share = without / 2 ** sizes.length
    return share <= 1 - CONFIDENCE && share > (1 - CONFIDENCE) / 2
  }), { numRuns: 3 })
})

t.test('a wild value moves it little', async t => {
  const calm = [-0.02, -0.01, -0.01, 0, 0, 0, 0.01, 0.01, 0.02, 0.02, 0]
  const { middle, low, high } = estimate([...calm, 5])
  t.ok(Math.abs(middle) < 0.01)
  t.ok(low < 0 && high > 0 && high < 3)
})

t.test('too few values are from the least to the greatest, and nothing is sure', async t => {
  t.same(estimate([0.1, 0.3]), { middle: 0.2, low: 0.1, high: 0.3, sure: false })
  t.equal(estimate(Array(7).fill(1)).sure, false)
  t.equal(estimate(Array(8).fill(1)).sure, true)
})
