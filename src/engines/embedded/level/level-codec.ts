import { crc32 } from 'node:zlib'
import { damaged } from '../../../storage/refusals.js'
import type { Life, StoredRecord } from '../../../storage/store.js'
import { recordKey } from './level-keys.js'

// A value is: CRC-32 of the key and all that follows (LevelDB does not check its own when it reads), bytes of the head, head
// (JSON), body. Little-endian.
const AT = { checksum: 0, headBytes: 4, head: 8 }

/** Text and bytes under `key`, so that a change of any bit of either is found out. */
export function encodeValue (key: string, head: string, body: Uint8Array = EMPTY): Buffer {
  const headBytes = Buffer.byteLength(head)
  const value = Buffer.allocUnsafe(AT.head + headBytes + body.length)
  value.writeUInt32LE(headBytes, AT.headBytes)
  value.write(head, AT.head)
  value.set(body, AT.head + headBytes)
  value.writeUInt32LE(checksum(key, value), AT.checksum)
  return value
}
const EMPTY = new Uint8Array()

/** What was encoded for `key`; `undefined` where a single bit has changed, or it was for another. */
export function decodeValue (key: string, value: Buffer): { head: string, body: Buffer } | undefined {
  if (value.length < AT.head || value.readUInt32LE(AT.checksum) !== checksum(key, value)) return undefined
  const bodyAt = AT.head + value.readUInt32LE(AT.headBytes)
  return { head: value.toString('utf8', AT.head, bodyAt), body: value.subarray(bodyAt) }
}

const checksum = (key: string, value: Buffer) => crc32(value.subarray(AT.headBytes), crc32(key))

type Head = [
  revision: number,
  expires: boolean,
  scope: string,
  slug: string | null,
  sealedBy: string | null,
  indexed: StoredRecord['indexed']
]

/** A record as LevelDB keeps it: all but its life. */
export function encodeRecord (record: StoredRecord): Buffer {
  const { kind, id, scope, slug, indexed, expireTime, sealedBy, revision, body } = record
  const head: Head = [revision, expireTime !== undefined, scope, slug ?? null, sealedBy ?? null, indexed]
  return encodeValue(recordKey(kind, id), JSON.stringify(head), body)
}

/**
 * The record under `key`, with the life that `lifeOf` finds where it expires.
 * @throws `internal` naming `id`, where a single bit has changed or the record is another's
 */
export function decodeRecord (value: Buffer, kind: string, id: string, lifeOf: () => Life): StoredRecord {
  const decoded = decodeValue(recordKey(kind, id), value)
  if (decoded === undefined) throw damaged(id)
  const [revision, expires, scope, slug, sealedBy, indexed]: Head = JSON.parse(decoded.head)
  return {
    kind,
    id,
    scope,
    slug: slug ?? undefined,
    indexed,
    ...expires && lifeOf(),
    sealedBy: sealedBy ?? undefined,
    revision,
    body: decoded.body
  }
}
