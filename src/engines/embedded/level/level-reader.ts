import { GatewayError } from '../../../errors.js'
import { damaged } from '../../../storage/refusals.js'
import type { Life, StoredRecord } from '../../../storage/store.js'
import { decodeRecord, decodeValue } from './level-codec.js'
import { expireTimeKey, recordKey, slugKey } from './level-keys.js'

/** What is under a key, at one moment. @throws `internal` where that is damaged, `unavailable` */
export type Read = (key: string) => Buffer | undefined

/**
 * What `read` finds. A batch may be committed between two reads of it, so that what they find does not fit together: then it reads again.
 * @throws as `read`, where that is so each time
 */
export function together<T> (read: () => T): T {
  for (let attempt = 1; ; attempt++) {
    try {
      return read()
    } catch (error) {
      if (attempt === MOST_ATTEMPTS || GatewayError.from(error).code !== 'internal') throw error
    }
  }
}
const MOST_ATTEMPTS = 5

/** The record, expired or not. @throws `internal` where it is damaged */
export function readRecord (read: Read, kind: string, id: string): StoredRecord | undefined {
  const value = read(recordKey(kind, id))
  return value && decodeRecord(value, kind, id, () => readLife(read, kind, id))
}

/** The id of the record that has the slug, expired or not. */
export const readHolder = (read: Read, kind: string, scope: string, slug: string): string | undefined =>
  read(slugKey(kind, scope, slug))?.toString()

/** @throws `internal` where there is none */
function readLife (read: Read, kind: string, id: string): Life {
  const key = expireTimeKey(kind, id)
  const value = read(key)
  const { head, body } = (value && decodeValue(key, value)) ?? {}
  const expireTime = Number(head)
  if (!Number.isSafeInteger(expireTime)) throw damaged(id)
  return { expireTime, ...body !== undefined && body.length > 0 && { expireProof: body } }
}
