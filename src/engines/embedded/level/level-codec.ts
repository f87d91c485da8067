import { crc32 } from 'node:zlib'
import { damaged } from '../../../storage/refusals.js'
import type { StoredRecord } from '../../../storage/store.js'

// Keys are a letter and parts, divided by NUL: so no id is ever a prefix of another's key. Kinds, ids and slugs hold no
// NUL; an execution id may hold anything, and is encoded.

export const recordKey = (kind: string, id: string) => `r\0${kind}\0${id}`
export const slugKey = (kind: string, slug: string) => `s\0${kind}\0${slug}`

/** What begins every key of an index of `kind`, in the order of that index. */
export const indexPrefix = {
  byId: (kind: string) => `r\0${kind}\0`,
  byExecution: (kind: string, executionId: string) => `x\0${kind}\0${encodeURIComponent(executionId)}\0`,
  byExpireTime: (kind: string) => `e\0${kind}\0`
}

// Sixteen digits hold every safe integer, in order.
const instant = (milliseconds: number) => String(milliseconds).padStart(16, '0')

/** The least key of the expiry index that is not before `milliseconds`. */
export const expireTimeBound = (kind: string, milliseconds: number) => indexPrefix.byExpireTime(kind) + instant(milliseconds)

/** Every key that leads to a record, beside the record's own. Their values are its id. */
export function indexKeys ({ kind, id, slug, executionId, expireTime }: StoredRecord): string[] {
  const keys = [slugKey(kind, slug), indexPrefix.byExecution(kind, executionId) + id]
  if (expireTime !== undefined) keys.push(`${expireTimeBound(kind, expireTime)}\0${id}`)
  return keys
}

// A value is: CRC-32 of the key and all that follows (LevelDB does not check its own when it reads), revision, expire
// time (NaN where there is none), bytes of the slug and of the execution id, those two, body. Little-endian.
const AT = { checksum: 0, revision: 4, expireTime: 8, slugBytes: 16, executionIdBytes: 18, texts: 20 }

/** A record as LevelDB keeps it. By hand, since this and its inverse are on the path of every request. */
export function encodeRecord ({ kind, id, slug, executionId, expireTime = NaN, revision, body }: StoredRecord): Buffer {
  const slugBytes = Buffer.byteLength(slug)
  const executionIdBytes = Buffer.byteLength(executionId)
  const bodyAt = AT.texts + slugBytes + executionIdBytes
  const value = Buffer.allocUnsafe(bodyAt + body.length)
  value.writeUInt32LE(revision, AT.revision)
  value.writeDoubleLE(expireTime, AT.expireTime)
  value.writeUInt16LE(slugBytes, AT.slugBytes)
  value.writeUInt16LE(executionIdBytes, AT.executionIdBytes)
  value.write(slug, AT.texts)
  value.write(executionId, AT.texts + slugBytes)
  value.set(body, bodyAt)
  value.writeUInt32LE(checksum(kind, id, value), AT.checksum)
  return value
}

/** @throws `internal` naming `id`, where a single bit has changed or the record is another's */
export function decodeRecord (value: Buffer, kind: string, id: string): StoredRecord {
  if (value.length < AT.texts || value.readUInt32LE(AT.checksum) !== checksum(kind, id, value)) throw damaged(id)
  const expireTime = value.readDoubleLE(AT.expireTime)
  const executionIdAt = AT.texts + value.readUInt16LE(AT.slugBytes)
  const bodyAt = executionIdAt + value.readUInt16LE(AT.executionIdBytes)
  return {
    kind,
    id,
    slug: value.toString('utf8', AT.texts, executionIdAt),
    executionId: value.toString('utf8', executionIdAt, bodyAt),
    expireTime: Number.isNaN(expireTime) ? undefined : expireTime,
    revision: value.readUInt32LE(AT.revision),
    body: value.subarray(bodyAt)
  }
}

const checksum = (kind: string, id: string, value: Buffer) => crc32(value.subarray(AT.revision), crc32(recordKey(kind, id)))
