import { GatewayError } from '../../../errors.js'
import type { AlongRemoval, Swept } from '../../../storage/store.js'
import type { LevelChanges } from './level-changes.js'
import { expireTimeKey, expiryKey, expiryPrefix, recordKey, type Expired } from './level-keys.js'
import { readExpired } from './level-lists.js'
import { LevelPurge, type Compacting, type PurgedStore } from './level-purge.js'

/** What the sweeper needs of its store. */
export interface SweptStore extends PurgedStore {
  readonly changes: LevelChanges
  /** Whether it is proved until when what is there lives: what is removed is gone. */
  readonly maySweep: () => boolean
  /** Works while the database stays open. */
  guarded<T> (work: () => Promise<T>): Promise<T>
}

const FIRST = expiryPrefix(0)
// Fewer leave too little behind to be worth a compaction; more would make one that takes long.
const COMPACTED_AT_LEAST = 1_000
const COMPACTED_AT_MOST = 20_000

/**
 * Removes what has expired, and sees to it that LevelDB's files get rid of it too: what is deleted there is only marked, until its
 * tables are merged.
 */
export class LevelSweeper {
  readonly #store: SweptStore
  /** Behind which key of the expiry index the round goes on: to find the first would pass over all the marks that are left. */
  #from = FIRST
  #removed: Expired[] = []
  readonly #purge: LevelPurge

  constructor (store: SweptStore) {
    this.#store = store
    this.#purge = new LevelPurge(store)
  }

  /** Something that did not expire is being removed, and is to leave LevelDB's files too. */
  note (): void {
    this.#purge.note()
  }

  async sweep (limit: number, along?: AlongRemoval): Promise<Swept> {
    const { db, changes, guarded, maySweep } = this.#store
    if (!maySweep()) return { removed: [], damaged: [] }
    const expired = await guarded(() => readExpired(db, changes.isExpired, this.#from, limit))
    const damaged: string[] = []
    if (expired.length > 0) this.#purge.note()
    const removed = await Promise.all(expired.map(({ kind, id }) => this.#store.apply(changes.expire(kind, id, along)).catch(error => {
      if (GatewayError.from(error).code !== 'internal') throw error
      damaged.push(id)
    })))
    const gone = removed.filter(record => record !== undefined)
    const isLast = expired.length < limit
    const last = expired.at(-1)
    this.#from = isLast || last === undefined ? FIRST : expiryKey(last.kind, last.id, last.expireTime)
    this.#removed.push(...expired)
    if (this.#removed.length >= (isLast ? COMPACTED_AT_LEAST : COMPACTED_AT_MOST)) await guarded(() => this.#compact())
    if (isLast) await guarded(() => this.#purge.step())
    return { removed: gone, damaged }
  }

  /** Merges the tables that hold the removed records and where they stood in the expiry index. */
  async #compact (): Promise<void> {
    const removed = this.#removed.splice(0)
    const db = this.#store.db as unknown as Compacting
    for (const kind of new Set(removed.map(({ kind }) => kind))) {
      const ids = removed.filter(record => record.kind === kind).map(({ id }) => id).sort()
      for (const keyOf of [recordKey, expireTimeKey]) await db.compactRange(keyOf(kind, ids[0]!), `${keyOf(kind, ids.at(-1)!)}\0`)
    }
    const latest = Math.max(...removed.map(({ expireTime }) => expireTime))
    await db.compactRange(FIRST, expiryPrefix(latest + 1))
  }
}
