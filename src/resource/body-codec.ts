import { KEY_ID_BYTES } from '../secrets/ring-key.js'
import { damaged } from '../storage/refusals.js'
import type { StoredRecord } from '../storage/store.js'

/** What the body of a resource's record holds in the clear. */
export interface ClearPart {
  /** The resource as JSON, ready to send, without the values of its secrets. What of its status changes later is kept elsewhere. */
  readonly json: string
  /** The SHA-256 of a token that opens the resource to its holder; empty where there is none. */
  readonly accessHash: Uint8Array
  /** Beyond which the resource lives never, in milliseconds since 1970; absent where it may live for ever. */
  readonly latestExpireTime?: number | undefined
}

/** A body: its clear part, its sealed part, which is empty where there are no secrets, and what proves both. */
export interface Body extends ClearPart {
  readonly sealed: Uint8Array
  /** Both as bytes. */
  readonly content: Uint8Array
  /** The id of the key that the code was made with, and the code. */
  readonly keyId: string
  readonly code: Uint8Array
}

// The clear part is: bytes of the JSON and of the hash, latest expire time (NaN where there is none), and the two texts. Behind it are
// the sealed part, the id of the key and the code. Little-endian.
const AT = { json: 0, hash: 4, latest: 8, texts: 16 }
const CODE_BYTES = 32
const PROOF_BYTES = KEY_ID_BYTES + CODE_BYTES

/** The clear part as bytes; a body begins with them. By hand, since it is on the path of every request. */
export function encodeClear ({ json, accessHash, latestExpireTime = NaN }: ClearPart): Buffer {
  const jsonBytes = Buffer.byteLength(json)
  const hashAt = AT.texts + jsonBytes
  const bytes = Buffer.allocUnsafe(hashAt + accessHash.length)
  bytes.writeUInt32LE(jsonBytes, AT.json)
  bytes.writeUInt32LE(accessHash.length, AT.hash)
  bytes.writeDoubleLE(latestExpireTime, AT.latest)
  bytes.write(json, AT.texts)
  bytes.set(accessHash, hashAt)
  return bytes
}

/** @throws `internal` naming the record, where its body is no such body */
export function decodeBody ({ id, body }: StoredRecord): Body {
  const proofAt = body.length - PROOF_BYTES
  if (proofAt < AT.texts) throw damaged(id)
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  const hashAt = AT.texts + bytes.readUInt32LE(AT.json)
  const end = hashAt + bytes.readUInt32LE(AT.hash)
  if (hashAt === AT.texts || end > proofAt) throw damaged(id)
  const latest = bytes.readDoubleLE(AT.latest)
  return {
    latestExpireTime: Number.isNaN(latest) ? undefined : latest,
    json: bytes.toString('utf8', AT.texts, hashAt),
    accessHash: bytes.subarray(hashAt, end),
    sealed: bytes.subarray(end, proofAt),
    content: bytes.subarray(0, proofAt),
    keyId: bytes.toString('latin1', proofAt, proofAt + KEY_ID_BYTES),
    code: bytes.subarray(proofAt + KEY_ID_BYTES)
  }
}

/** Beyond which time what `record` holds lives never; absent where it may live for ever, or the body is none. */
export function latestExpireTimeOf (record: StoredRecord): number | undefined {
  try {
    return decodeBody(record).latestExpireTime
  } catch {
    return undefined
  }
}
