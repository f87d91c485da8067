import type { Level } from 'level'
import type { Named } from '../../../storage/integrity.js'
import type { StoredRecord } from '../../../storage/store.js'
import { del, put, type Write } from './level-changes.js'
import {
  expiryKey, expiryOf, indexKeys, isIndexKey, isOfSet, isRecordKey, recordKey, slugKey, startingWith, UNPROVED_PREFIX
} from './level-keys.js'
import { readHolder, readRecord } from './level-reader.js'
import { digestOf, NOTHING, type SetKey, type State } from './set-key.js'

const AT_ONCE = 1_000
const EMPTY = Buffer.alloc(0)

/**
 * Leaves in the database the records that can be read, but for `dropped`, with all that leads to them, and nothing that leads
 * nowhere. Answers the state of the set by `key`, numbered on from `before`. Nothing else may write meanwhile.
 */
export async function rebuild (
  db: Level<string, Buffer>,
  key: SetKey,
  before: Omit<State, 'count' | 'sum'>,
  dropped: readonly Named[],
  progress: (entries: number) => void
): Promise<State> {
  const isDropped = new Set(dropped.map(({ kind, id }) => recordKey(kind, id)))
  const read = (name: string) => db.getSync(name)
  const recordOf = (kind: string, id: string): StoredRecord | undefined => {
    try {
      return isDropped.has(recordKey(kind, id)) ? undefined : readRecord(read, kind, id)
    } catch {
      return undefined
    }
  }
  /** Whether the entry is one that a record has. */
  const belongs = (name: string): boolean => {
    const parts = name.split('\0')
    const [letter, kind = '', ...rest] = parts
    if (letter === 'r' || letter === 't') {
      const record = recordOf(kind, rest[0]!)
      return record !== undefined && (letter === 'r' || record.expireTime !== undefined)
    }
    if (letter === 's') {
      const id = read(name)?.toString() ?? ''
      const record = recordOf(kind, id)
      return record?.slug !== undefined && slugKey(kind, record.scope, record.slug) === name
    }
    const [owner, id] = letter === 'e' ? [expiryOf(name).kind, expiryOf(name).id] : [letter === 'k' ? rest[0]! : kind, parts.at(-1)!]
    const record = recordOf(owner, id)
    return record !== undefined && leadingTo(record).includes(name)
  }
  const missing = (record: StoredRecord): Write[] => {
    const { kind, id, scope, slug } = record
    const writes = leadingTo(record).filter(name => read(name) === undefined).map(name => put(name, EMPTY))
    const holder = slug === undefined ? undefined : readHolder(read, kind, scope, slug)
    if (slug !== undefined && (holder === undefined || recordOf(kind, holder)?.slug !== slug)) {
      writes.push(put(slugKey(kind, scope, slug), Buffer.from(id)))
    }
    return writes
  }

  let entries = 0
  const each = async (look: (name: string, value: Buffer) => Write[]) => {
    for (let from = ''; ;) {
      const some = await db.iterator({ gt: from, limit: AT_ONCE }).all()
      if (some.length === 0) return
      const writes = some.flatMap(([name, value]) => look(name, value))
      if (writes.length > 0) await db.batch([...writes], { sync: true })
      progress(entries += some.length)
      from = some.at(-1)![0]
    }
  }

  await each(name => {
    const isAstray = (isOfSet(name) || isIndexKey(name)) && !belongs(name)
    return isAstray || name.startsWith(UNPROVED_PREFIX) ? [del(name)] : []
  })
  const sum = Buffer.from(NOTHING.sum)
  let count = 0
  await each((name, value) => {
    if (isOfSet(name) && !name.startsWith('s\0')) key.toggle(sum, name, digestOf(value))
    if (!isRecordKey(name)) return []
    count++
    const [, kind = '', id = ''] = name.split('\0')
    return missing(recordOf(kind, id)!)
  })
  // Slugs last: those that were missing are there by now.
  for await (const [name, value] of db.iterator(startingWith('s\0'))) key.toggle(sum, name, digestOf(value))
  return { ...before, sequence: before.sequence + 1, count, sum }
}

/** The keys that lead to a record and that can be made from it, but for its slug's. */
function leadingTo (record: StoredRecord): string[] {
  const { kind, id, expireTime } = record
  return [...indexKeys(record), ...expireTime === undefined ? [] : [expiryKey(kind, id, expireTime)]]
}
