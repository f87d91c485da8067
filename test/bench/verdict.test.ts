import t from 'tap'
import type { Estimate } from './estimate.js'
import { verdict } from './verdict.js'

const between = (low: number, high: number, sure = true): Estimate =>
  ({ low: Math.log(low), middle: Math.log(Math.sqrt(low * high)), high: Math.log(high), sure })
const calm = between(0.98, 1.03)

t.test('there are words where the data allow them', async t => {
  t.equal(verdict(between(1.03, 1.071), calm), '3.0 to 7.1 % more')
  t.equal(verdict(between(0.6, 0.7), calm), '30.0 to 40.0 % less')
  t.equal(verdict(between(0.96, 1.04), calm), 'the same within 5 %')
})

t.test('there are none where the interval holds 1 and more than 5 %', async t => {
  t.equal(verdict(between(0.94, 1.01), calm), '')
  t.equal(verdict(between(0.99, 1.06), calm), '')
})

t.test('there are none of too few processes', async t => {
  t.equal(verdict(between(1.2, 1.3, false), calm), '')
})

t.test('there is none where this checkout differs from itself', async t => {
  for (const off of [between(1.01, 1.05), between(0.9, 0.99)]) t.match(verdict(between(1.2, 1.3), off), 'no verdict')
})
