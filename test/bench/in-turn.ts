/**
 * `items` in the order of turn number `turn`: each turn another begins, and when each has begun it goes the other way round, so
 * that over `2 × items.length` turns each is as often in each place, and as often before as after each other.
 */
export function inTurn<T> (items: readonly T[], turn: number): T[] {
  const first = turn % items.length
  const order = [...items.slice(first), ...items.slice(0, first)]
  return Math.floor(turn / items.length) % 2 === 0 ? order : order.reverse()
}
