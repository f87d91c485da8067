import type { Level } from 'level'
import { damaged } from '../../../storage/refusals.js'
import type { Page, PageFilter, StoredRecord } from '../../../storage/store.js'
import { decodeRecord, expireTimeBound, indexPrefix, recordKey } from './level-codec.js'
import { storeFailure } from './level-errors.js'

/** Reads the page behind `cursor` as it is at one moment. */
export async function readPage (
  db: Level<string, Buffer>, kind: string, filter: PageFilter, cursor: string | undefined, limit: number
): Promise<Page> {
  const { prefix, end } = range(kind, filter)
  const snapshot = db.snapshot()
  try {
    const keys = await db.keys({ gt: prefix + (cursor ?? ''), lt: end, limit: limit + 1, snapshot }).all()
    const places = keys.slice(0, limit).map(key => key.slice(prefix.length))
    const found = await Promise.all(places.map(async place => {
      const id = place.slice(place.lastIndexOf('\0') + 1)
      const key = recordKey(kind, id)
      try {
        const value = await db.get(key, { snapshot })
        if (value === undefined) throw damaged(id)
        return decodeRecord(value, kind, id)
      } catch (error) {
        const failure = storeFailure(error, key)
        if (failure.code === 'internal') return id
        throw failure
      }
    }))
    return {
      records: found.filter((record): record is StoredRecord => typeof record !== 'string'),
      damaged: found.filter(id => typeof id === 'string'),
      cursor: keys.length > limit ? places.at(-1) : undefined
    }
  } catch (error) {
    throw storeFailure(error)
  } finally {
    await snapshot.close()
  }
}

/** The keys between `prefix` and `end` are the index that `filter` asks for. */
function range (kind: string, filter: PageFilter): { prefix: string, end: string } {
  if (filter.expiresBefore !== undefined) {
    return { prefix: indexPrefix.byExpireTime(kind), end: expireTimeBound(kind, filter.expiresBefore) }
  }
  const prefix = filter.executionId !== undefined ? indexPrefix.byExecution(kind, filter.executionId) : indexPrefix.byId(kind)
  // A prefix ends with NUL: nothing that begins with it is as great as what follows NUL.
  return { prefix, end: `${prefix.slice(0, -1)}\x01` }
}
