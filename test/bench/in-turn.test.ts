import t from 'tap'
import { inTurn } from './in-turn.js'

t.test('each is as often in each place, and as often before as after each other', async t => {
  const items = ['a', 'b', 'c']
  const orders = Array.from({ length: 6 }, (_, turn) => inTurn(items, turn))
  for (const item of items) for (const place of [0, 1, 2]) t.equal(orders.filter(order => order[place] === item).length, 2)
  for (const [one, other] of [['a', 'b'], ['b', 'c'], ['a', 'c']] as const) {
    t.equal(orders.filter(order => order.indexOf(one) < order.indexOf(other)).length, 3)
    const adjacent = (pair: string) => orders.filter(order => order.join('').includes(pair)).length
    t.equal(adjacent(one + other), adjacent(other + one))
  }
  t.equal(new Set(orders.map(order => order.join(''))).size, 6)
})
