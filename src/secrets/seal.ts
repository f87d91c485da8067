import { andThen, type Awaitable } from '../awaitable.js'
import { GatewayError } from '../errors.js'
import { decrypt, encrypt, OVERHEAD_BYTES } from './aead.js'
import { derive, KEY_ID, KEY_ID_BYTES, type RingKey } from './ring-key.js'

/** Where the keys are that may have sealed something. */
export interface RingKeys {
  /** @throws `unavailable` naming `id`, where that key cannot be had */
  key (id: string): Awaitable<RingKey>
}

// A sealed text is a header (the version of this format, the ring key's id) and the box that AES-256-GCM makes under a
// key of the context's own. Header, context id and what stands in clear beside it are its additional data: so nothing
// sealed opens as another context's, under another key, as another version, or beside anything else.
const VERSION = 1
const HEADER_BYTES = 1 + KEY_ID_BYTES

/**
 * Only `openText` with the same `contextId` and `beside`, and a ring that has `key`, gives `plaintext` back. Twice the
 * same never looks the same.
 */
export function sealText (key: RingKey, contextId: string, plaintext: Uint8Array | string, beside: Uint8Array): Buffer {
  const header = headerOf(key.id)
  return Buffer.concat([header, encrypt(contextKey(key, contextId), boundTo(header, contextId, beside), plaintext)])
}

/**
 * What was sealed for the context `contextId` and `beside`, bit for bit.
 * @throws `internal` naming the context, where `sealed` is not what was sealed for it; what `ring` throws for the key
 */
export function openText (ring: RingKeys, contextId: string, sealed: Uint8Array, beside: Uint8Array): Awaitable<Buffer> {
  const keyId = keyIdOf(sealed)
  if (keyId === undefined) throw damaged(contextId)
  return andThen(ring.key(keyId), key => {
    try {
      return decrypt(contextKey(key, contextId), boundTo(headerOf(keyId), contextId, beside), sealed.subarray(HEADER_BYTES))
    } catch (cause) {
      throw damaged(contextId, cause)
    }
  })
}

/** The id of the ring key that sealed this, as it says itself; `undefined` where it cannot be a sealed text. */
export function keyIdOf (sealed: Uint8Array): string | undefined {
  if (sealed[0] !== VERSION || sealed.length < HEADER_BYTES + OVERHEAD_BYTES) return undefined
  const id = String.fromCharCode(...sealed.subarray(1, HEADER_BYTES))
  return KEY_ID.test(id) ? id : undefined
}

const headerOf = (keyId: string) => Buffer.from(String.fromCharCode(VERSION) + keyId, 'latin1')

const boundTo = (header: Buffer, contextId: string, beside: Uint8Array) => Buffer.concat([header, Buffer.from(`${contextId}\0`), beside])

const contextKey = (key: RingKey, contextId: string) => derive(key, `ectx sealed context 1 ${contextId}`)

const damaged = (contextId: string, cause?: unknown) =>
  new GatewayError('internal', `the sealed secrets of '${contextId}' are damaged`, { cause })
