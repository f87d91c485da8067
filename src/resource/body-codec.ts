import { damaged } from '../storage/refusals.js'
import type { StoredRecord } from '../storage/store.js'

/** What the body of a resource's record holds in the clear. */
export interface ClearPart {
  /** The resource as JSON, without its status and the values of its secrets. */
  readonly json: string
  /** The status that goes with it, as JSON. What of the status changes later is kept elsewhere. */
  readonly statusJson: string
  /** The SHA-256 of a token that opens the resource to its holder; empty where there is none. */
  readonly accessHash: Uint8Array
}

/** A body, its clear part also as the bytes that it is. */
export interface Body extends ClearPart {
  readonly clear: Uint8Array
  readonly sealed: Uint8Array
}

// The clear part is: bytes of the JSON, of the status and of the hash, and these three. Behind it is the sealed part. Little-endian.
const AT = { json: 0, status: 4, hash: 8, texts: 12 }

/** The clear part as bytes; a body is these, and the sealed part behind them. By hand, since it is on the path of every request. */
export function encodeClear ({ json, statusJson, accessHash }: ClearPart): Buffer {
  const jsonBytes = Buffer.byteLength(json)
  const statusBytes = Buffer.byteLength(statusJson)
  const hashAt = AT.texts + jsonBytes + statusBytes
  const bytes = Buffer.allocUnsafe(hashAt + accessHash.length)
  bytes.writeUInt32LE(jsonBytes, AT.json)
  bytes.writeUInt32LE(statusBytes, AT.status)
  bytes.writeUInt32LE(accessHash.length, AT.hash)
  bytes.write(json, AT.texts)
  bytes.write(statusJson, AT.texts + jsonBytes)
  bytes.set(accessHash, hashAt)
  return bytes
}

/** @throws `internal` naming the record, where its body is no such body */
export function decodeBody ({ id, body }: StoredRecord): Body {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  if (bytes.length < AT.texts) throw damaged(id)
  const statusAt = AT.texts + bytes.readUInt32LE(AT.json)
  const hashAt = statusAt + bytes.readUInt32LE(AT.status)
  const end = hashAt + bytes.readUInt32LE(AT.hash)
  if (statusAt === AT.texts || end > bytes.length) throw damaged(id)
  return {
    json: bytes.toString('utf8', AT.texts, statusAt),
    statusJson: bytes.toString('utf8', statusAt, hashAt),
    accessHash: bytes.subarray(hashAt, end),
    clear: bytes.subarray(0, end),
    sealed: bytes.subarray(end)
  }
}
