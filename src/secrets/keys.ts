import type { Awaitable } from '../awaitable.js'
import { GatewayError } from '../errors.js'
import { isActive, type KeyRows } from './key-row.js'
import { ringKey, type RingKey } from './ring-key.js'

/** The keys of a ring: at once, where they are known. */
export interface Keys {
  /** The key to seal with now. @throws `unavailable` */
  current (): Awaitable<RingKey>
  /** The key `id`, active or retired. @throws `unavailable` naming `id` */
  key (id: string): Awaitable<RingKey>
}

/** By their ids. */
export const keysById = (rows: KeyRows): ReadonlyMap<string, RingKey> =>
  new Map(rows.flatMap(row => row.state === 'destroyed' ? [] : [[row.id, ringKey(row.id, Buffer.from(row.material, 'base64'))]]))

/** Just these keys, for who reads a ring that serves nobody. */
export function keysFrom (rows: KeyRows): Keys {
  const keys = keysById(rows)
  const key = (id: string) => {
    const found = keys.get(id)
    if (found === undefined) throw new GatewayError('unavailable', `the key '${id}' is not in the ring`)
    return found
  }
  return { key, current: () => key(rows.find(isActive)!.id) }
}
