import { crc32 } from 'node:zlib'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { RecordSchema } from '../gen/ectx/storage/v1/record_pb.js'
import { damaged } from './refusals.js'
import type { StoredRecord } from './store.js'

// Keys are a letter and parts, divided by NUL, which no part holds: so no id is ever a prefix of another's key.
const key = (...parts: string[]) => parts.join('\0')
// The two parts that a client chooses freely (kinds, ids and slugs cannot hold a NUL).
const free = encodeURIComponent
// Sixteen digits hold every safe integer, in order.
const instant = (milliseconds: number) => String(milliseconds).padStart(16, '0')

export const recordKey = (kind: string, id: string) => key('r', kind, id)
export const slugKey = (kind: string, slug: string) => key('s', kind, slug)

/** What begins every key of an index of `kind`, in the order of that index. */
export const indexPrefix = {
  byId: (kind: string) => key('r', kind, ''),
  byExecution: (kind: string, executionId: string) => key('x', kind, free(executionId), ''),
  byExpireTime: (kind: string) => key('e', kind, '')
}
/** The least key of the expiry index that is not before `milliseconds`. */
export const expireTimeBound = (kind: string, milliseconds: number) => indexPrefix.byExpireTime(kind) + instant(milliseconds)

/** Every key that leads to a record, beside the record's own. Their values are its id. */
export function indexKeys ({ kind, id, slug, executionId, expireTime }: StoredRecord): string[] {
  const keys = [slugKey(kind, slug), indexPrefix.byExecution(kind, executionId) + id]
  if (expireTime !== undefined) keys.push(`${expireTimeBound(kind, expireTime)}\0${id}`)
  return keys
}

const CHECKSUM_BYTES = 4

/** A record as LevelDB keeps it: its CRC-32 (LevelDB does not check its own when it reads), then the protobuf. */
export function encodeRecord ({ expireTime, ...record }: StoredRecord): Buffer {
  const message = toBinary(RecordSchema, create(RecordSchema, {
    ...record,
    expireTimeMs: expireTime === undefined ? undefined : BigInt(expireTime)
  }))
  const value = Buffer.allocUnsafe(CHECKSUM_BYTES + message.length)
  value.writeUInt32LE(crc32(message))
  value.set(message, CHECKSUM_BYTES)
  return value
}

/** @throws `internal` naming `id`, where a single bit has changed or the record is another's */
export function decodeRecord (value: Buffer, id: string): StoredRecord {
  try {
    const message = value.subarray(CHECKSUM_BYTES)
    if (value.readUInt32LE() !== crc32(message)) throw new Error('the checksum is wrong')
    const record = fromBinary(RecordSchema, message)
    if (record.id !== id) throw new Error('the record is another')
    const { kind, slug, executionId, expireTimeMs, revision, body } = record
    return { kind, id, slug, executionId, expireTime: expireTimeMs === undefined ? undefined : Number(expireTimeMs), revision, body }
  } catch (cause) {
    throw damaged(id, cause)
  }
}
