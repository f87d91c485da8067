import type { Awaitable } from '../../src/awaitable.js'

/** `value`, which must be there already: nobody waits for it. */
export function now<T> (value: Awaitable<T>): T {
  if (value instanceof Promise) throw new Error('it is a promise')
  return value
}
