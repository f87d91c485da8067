import { GatewayError } from '../errors.js'
import { decrypt, encrypt, OVERHEAD_BYTES } from './aead.js'
import { derive, KEY_ID, KEY_ID_BYTES, type RingKey } from './ring-key.js'

// A sealed text is a header (the version of this format, the ring key's id) and the box that AES-256-GCM makes under a
// key of the context's own. Header and context id are its additional data: so nothing sealed opens as another context's, under
// another key, or as another version. What it stands beside is proved by the code of its record.
const VERSION = 1
const HEADER_BYTES = 1 + KEY_ID_BYTES

/** Only `openText` with the same `contextId` and key gives `plaintext` back. Twice the same never looks the same. */
export function sealText (key: RingKey, contextId: string, plaintext: Uint8Array | string): Buffer {
  const header = headerOf(key.id)
  return Buffer.concat([header, encrypt(contextKey(key, contextId), boundTo(header, contextId), plaintext)])
}

/**
 * What was sealed for the context `contextId`, bit for bit.
 * @throws `internal` naming the context, where `sealed` is not what `key` sealed for it
 */
export function openText (key: RingKey, contextId: string, sealed: Uint8Array): Buffer {
  try {
    if (keyIdOf(sealed) !== key.id) throw new Error('another key sealed it, or none')
    return decrypt(contextKey(key, contextId), boundTo(headerOf(key.id), contextId), sealed.subarray(HEADER_BYTES))
  } catch (cause) {
    throw new GatewayError('internal', `the sealed secrets of '${contextId}' are damaged`, { cause })
  }
}

/** The id of the ring key that sealed this, as it says itself; `undefined` where it cannot be a sealed text. */
export function keyIdOf (sealed: Uint8Array): string | undefined {
  if (sealed[0] !== VERSION || sealed.length < HEADER_BYTES + OVERHEAD_BYTES) return undefined
  const id = String.fromCharCode(...sealed.subarray(1, HEADER_BYTES))
  return KEY_ID.test(id) ? id : undefined
}

const headerOf = (keyId: string) => Buffer.from(String.fromCharCode(VERSION) + keyId, 'latin1')

const boundTo = (header: Buffer, contextId: string) => Buffer.concat([header, Buffer.from(contextId)])

const contextKey = (key: RingKey, contextId: string) => derive(key, `ectx sealed context 1 ${contextId}`)
