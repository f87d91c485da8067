import type { Awaitable } from '../awaitable.js'
import { GatewayError } from '../errors.js'
import { isActive, type KeyRows } from './key-row.js'
import { ringKey, type RingKey } from './ring-key.js'

/** The keys that seal what must not be read on disk and prove what is believed of it: at once, where they are known. */
export interface Vault {
  /** The key to seal with now. @throws `unavailable` */
  current (): Awaitable<RingKey>
  /** The key `id`, active or retired. @throws `unavailable` naming `id` */
  key (id: string): Awaitable<RingKey>
}

/** The keys by their ids. */
export const keysOf = (rows: KeyRows): ReadonlyMap<string, RingKey> =>
  new Map(rows.flatMap(row => row.state === 'destroyed' ? [] : [[row.id, ringKey(row.id, Buffer.from(row.material, 'base64'))]]))

/** A vault of just these keys, for who reads a ring that serves nobody. */
export function vaultOf (rows: KeyRows): Vault {
  const keys = keysOf(rows)
  const key = (id: string) => {
    const found = keys.get(id)
    if (found === undefined) throw new GatewayError('unavailable', `the key '${id}' is not in the ring`)
    return found
  }
  return { key, current: () => key(rows.find(isActive)!.id) }
}
