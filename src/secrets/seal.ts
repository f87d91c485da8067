import { createHmac } from 'node:crypto'
import { GatewayError } from '../errors.js'
import { decrypt, encrypt, OVERHEAD_BYTES } from './aead.js'
import { derive, KEY_ID, KEY_ID_BYTES, type RingKey } from './ring-key.js'
import { LEAF_DIGITS } from './tree-node.js'

// A sealed text is a header (the version of this format, the ring key's id and, since version 2, the leaf of its tree) and the box that
// AES-256-GCM makes under a key of the context's own, for which both are needed. Header and context id are its additional data: so
// nothing sealed opens as another context's, under another key or leaf, or as another version. What it stands beside is proved by the
// code of its record.
const WITHOUT_LEAF = 1
const VERSION = 2
const LEAF_AT = 1 + KEY_ID_BYTES
const LEAF_BYTES = LEAF_DIGITS / 2
const headerBytes = (version: number | undefined) => version === WITHOUT_LEAF ? LEAF_AT : LEAF_AT + LEAF_BYTES

/** A leaf of a ring key's tree. */
export interface Leaf {
  readonly leaf: string
  readonly secret: Uint8Array
}

/** Only `openText` with the same `contextId`, key and leaf gives `plaintext` back. Twice the same never looks the same. */
export function sealText (key: RingKey, { leaf, secret }: Leaf, contextId: string, plaintext: Uint8Array | string): Buffer {
  const header = Buffer.allocUnsafe(LEAF_AT + LEAF_BYTES)
  header[0] = VERSION
  header.write(key.id, 1, 'latin1')
  header.write(leaf, LEAF_AT, 'hex')
  return Buffer.concat([header, encrypt(contextKey(key, contextId, secret), boundTo(header, contextId), plaintext)])
}

/**
 * What was sealed for the context `contextId`, bit for bit.
 * @param secret of the leaf that `leafOf` tells; absent where it tells none
 * @throws `internal` naming the context, where `sealed` is not what `key` and that leaf sealed for it
 */
export function openText (key: RingKey, contextId: string, sealed: Uint8Array, secret?: Uint8Array): Buffer {
  try {
    if (keyIdOf(sealed) !== key.id) throw new Error('another key sealed it, or none')
    const header = sealed.subarray(0, headerBytes(sealed[0]))
    return decrypt(contextKey(key, contextId, secret), boundTo(header, contextId), sealed.subarray(header.length))
  } catch (cause) {
    throw new GatewayError('internal', `the sealed secrets of '${contextId}' are damaged`, { cause })
  }
}

/** The id of the ring key that sealed this, as it says itself; `undefined` where it cannot be a sealed text. */
export function keyIdOf (sealed: Uint8Array): string | undefined {
  const [version] = sealed
  if ((version !== VERSION && version !== WITHOUT_LEAF) || sealed.length < headerBytes(version) + OVERHEAD_BYTES) return undefined
  const id = String.fromCharCode(...sealed.subarray(1, LEAF_AT))
  return KEY_ID.test(id) ? id : undefined
}

/** The leaf that sealed this, as it says itself; `undefined` where none did. */
export const leafOf = (sealed: Uint8Array): string | undefined =>
  sealed[0] === VERSION ? Buffer.from(sealed.subarray(LEAF_AT, LEAF_AT + LEAF_BYTES)).toString('hex') : undefined

const boundTo = (header: Uint8Array, contextId: string) => Buffer.concat([header, Buffer.from(contextId)])

/** HKDF-Expand, as `derive`; with a leaf its secret is part of what is expanded, so that the ring key alone is of no use. */
const contextKey = (key: RingKey, contextId: string, secret: Uint8Array | undefined): Buffer => secret === undefined
  ? derive(key, `ectx sealed context 1 ${contextId}`)
  : createHmac('sha256', key.secret).update('ectx sealed context 2 ').update(secret).update(`${contextId}\x01`).digest()
