import type { Level } from 'level'
import { passes } from '../../../storage/filter.js'
import type { Filter, Page, StoredRecord } from '../../../storage/store.js'
import { candidates } from './level-candidates.js'
import { expiryOf, isIndexKey, recordKey, sealedPrefix, startingWith } from './level-keys.js'
import { storeFailure } from './level-errors.js'
import { readRecord, type Read } from './level-reader.js'

// What one page may cost: the rest follows on the next.
const MOST_LOOKED_AT = 5_000
const MOST_BYTES = 8 * 1024 * 1024

/** Reads the page behind `cursor`, which is an id, as it is at one moment: of those that `isLive`. */
export async function readPage (
  db: Level<string, Buffer>,
  kind: string,
  filter: Filter,
  cursor: string | undefined,
  limit: number,
  isLive: (record: StoredRecord) => boolean
): Promise<Page> {
  const snapshot = db.snapshot()
  const read: Read = key => db.getSync(key, { snapshot })
  const records: StoredRecord[] = []
  const damaged: string[] = []
  let last = cursor
  let lookedAt = 0
  let bytes = 0
  try {
    for await (const { id, mayPass } of candidates(db, kind, filter, cursor, snapshot)) {
      if (lookedAt++ === MOST_LOOKED_AT || bytes >= MOST_BYTES) return { records, damaged, cursor: last }
      const record = mayPass ? readOrName(read, kind, id) : undefined
      const isDamaged = typeof record === 'string'
      if (record !== undefined && (isDamaged || (isLive(record) && passes(record, filter)))) {
        if (records.length + damaged.length === limit) return { records, damaged, cursor: last }
        if (isDamaged) damaged.push(id)
        else records.push(record)
        bytes += isDamaged ? 0 : record.body.length
      }
      last = id
    }
    return { records, damaged, cursor: undefined }
  } catch (error) {
    throw storeFailure(error)
  } finally {
    await snapshot.close()
  }
}

/** Where those stand that have expired first, up to `limit` behind `from`, a key of their index. */
export async function readExpired (db: Level<string, Buffer>, isExpired: (expireTime: number) => boolean, from: string, limit: number) {
  try {
    const keys = await db.keys({ gt: from, lt: 'e\x01', limit }).all()
    return keys.map(expiryOf).filter(({ expireTime }) => isExpired(expireTime))
  } catch (error) {
    throw storeFailure(error)
  }
}

/** The keys that seal something. */
export const readKeysInUse = (db: Level<string, Buffer>) => readFirstParts(db, sealedPrefix)

/** Of these, the keys that seal records. */
export async function readKeysOfRecords (db: Level<string, Buffer>): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const keyId of await readKeysInUse(db)) {
    const keys = await db.keys({ ...startingWith(sealedPrefix(keyId)), limit: 2 }).all()
    if (keys.some(isIndexKey)) found.add(keyId)
  }
  return found
}

/** The kinds of which there is something. */
export const readKinds = (db: Level<string, Buffer>) => readFirstParts(db, kind => recordKey(kind, ''))

/** What stands first in the keys that `prefixOf` begins: each is found at one place, and the next behind all that begin with it. */
async function readFirstParts (db: Level<string, Buffer>, prefixOf: (part: string) => string): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  const [letter] = prefixOf('')
  try {
    for (let from = `${letter}\0`; ;) {
      const [key] = await db.keys({ gt: from, lt: `${letter}\x01`, limit: 1 }).all()
      if (key === undefined) return found
      const part = key.split('\0')[1]!
      found.add(part)
      from = startingWith(prefixOf(part)).lt
    }
  } catch (error) {
    throw storeFailure(error)
  }
}

/** The record of the index's entry, or the id where it cannot be read. */
function readOrName (read: Read, kind: string, id: string): StoredRecord | string {
  try {
    return readRecord(read, kind, id) ?? id
  } catch (error) {
    const failure = storeFailure(error, recordKey(kind, id))
    if (failure.code === 'internal') return id
    throw failure
  }
}
