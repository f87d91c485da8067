import { createHash } from 'node:crypto'
import { andThen, type Awaitable } from '../../src/awaitable.js'
import { GatewayError } from '../../src/errors.js'
import type { RingKey } from '../../src/secrets/ring-key.js'
import * as sealing from '../../src/secrets/seal.js'

export const DAY = 86_400_000
export const CONTEXT = 'exec-01jzzzzzzzzzzzzzzzzzzzzzzz'

export const unavailable = (message: RegExp) => ({ name: 'GatewayError', code: 'unavailable', message })

let leaves = 0
/** What stands for the secret of a leaf. */
export const secretOf = (leaf: string) => createHash('sha256').update(leaf).digest()

export function seal (key: RingKey, contextId: string, plaintext: Uint8Array | string): Buffer {
  const leaf = (leaves++).toString(16).padStart(16, '0')
  return sealing.sealText(key, { leaf, secret: secretOf(leaf) }, contextId, plaintext)
}

/** Where the keys are that may have sealed something. */
export interface RingKeys {
  key (id: string): Awaitable<RingKey>
}

/** What `sealed` holds, which says itself by which key of `ring`. */
export function open (ring: RingKeys, contextId: string, sealed: Uint8Array): Awaitable<Buffer> {
  const keyId = sealing.keyIdOf(sealed)
  if (keyId === undefined) throw new GatewayError('internal', `what is sealed for '${contextId}' names no key`)
  const leaf = sealing.leafOf(sealed)
  return andThen(ring.key(keyId), key => sealing.openText(key, contextId, sealed, leaf === undefined ? undefined : secretOf(leaf)))
}
