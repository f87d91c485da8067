import type { Level } from 'level'
import type { Page, PageFilter, StoredRecord } from '../../../storage/store.js'
import { attributePrefix, recordKey, sealedPrefix, startingWith } from './level-keys.js'
import { storeFailure } from './level-errors.js'
import { readRecord, type Read } from './level-reader.js'

/** Reads the page behind `cursor`, which is an id, as it is at one moment: of those that `isLive`. */
export async function readPage (
  db: Level<string, Buffer>,
  kind: string,
  filter: PageFilter | undefined,
  cursor: string | undefined,
  limit: number,
  isLive: (record: StoredRecord) => boolean
): Promise<Page> {
  const prefix = filter === undefined ? recordKey(kind, '') : attributePrefix(kind, filter.attribute, filter.value)
  const snapshot = db.snapshot()
  const keys = db.keys({ ...startingWith(prefix), gt: prefix + (cursor ?? ''), snapshot })
  const read: Read = key => db.getSync(key, { snapshot })
  const records: StoredRecord[] = []
  const damaged: string[] = []
  try {
    let last: string | undefined
    for await (const key of keys) {
      const id = key.slice(prefix.length)
      const record = readOrName(read, kind, id)
      if (typeof record !== 'string' && !isLive(record)) continue
      if (records.length + damaged.length === limit) return { records, damaged, cursor: last }
      if (typeof record === 'string') damaged.push(record)
      else records.push(record)
      last = id
    }
    return { records, damaged, cursor: undefined }
  } catch (error) {
    throw storeFailure(error)
  } finally {
    await keys.close()
    await snapshot.close()
  }
}

/** Where those stand that have expired first, up to `limit`, and the ids of those on the way that cannot be read. */
export async function readExpired (db: Level<string, Buffer>, isExpired: (expireTime: number) => boolean, limit: number) {
  const expired: Array<{ kind: string, id: string }> = []
  const damaged: string[] = []
  const read: Read = key => db.getSync(key)
  try {
    for await (const key of db.keys(startingWith('e\0'))) {
      const [, expireTime, kind = '', id = ''] = key.split('\0')
      if (expired.length === limit || !isExpired(Number(expireTime))) break
      if (typeof readOrName(read, kind, id) === 'string') damaged.push(id)
      else expired.push({ kind, id })
    }
    return { expired, damaged }
  } catch (error) {
    throw storeFailure(error)
  }
}

/** The keys that seal something: each is found at one place of the index, and the next behind all of it. */
export async function readKeysInUse (db: Level<string, Buffer>): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  try {
    for (let from = 'k\0'; ;) {
      const [key] = await db.keys({ gt: from, lt: 'k\x01', limit: 1 }).all()
      if (key === undefined) return found
      const keyId = key.split('\0')[1]!
      found.add(keyId)
      from = startingWith(sealedPrefix(keyId)).lt
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
