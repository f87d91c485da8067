import type { Level } from 'level'
import type { Clock } from '../../../clock.js'
import { del, put, type Change } from './level-changes.js'
import { PURGED_KEY, RECORDS } from './level-keys.js'

/** What Node's LevelDB can do, and `level` does not promise for browsers. */
export interface Compacting {
  compactRange (start: string, end: string): Promise<void>
}

export interface PurgedStore {
  readonly db: Level<string, Buffer>
  readonly clock: Clock
  /** Commits. */
  apply<Result> (change: Change<Result>): Promise<Result>
}

/** For how long what is removed may wait for more: with the purge itself, for less than an hour. */
const WAIT_MS = 50 * 60_000
// More would make a compaction that takes long.
const RECORDS_AT_ONCE = 20_000
const CLEAN = 'clean'
// Before and behind all keys.
const [FIRST, LAST] = ['', '~']

/**
 * Sees to it that what was removed leaves LevelDB's files, some time later and all at once: what is deleted there is only marked, until its
 * tables are merged. Whether there is anything to purge outlives the process.
 */
export class LevelPurge {
  readonly #store: PurgedStore
  /** Since when there is something to purge. Not known before the first step. */
  #since: number | undefined
  #isLoaded = false
  /** Behind which key the purge goes on. */
  #from: string | undefined

  constructor (store: PurgedStore) {
    this.#store = store
  }

  /** Something is being removed: what says so is committed no later than that. */
  note (): void {
    if (this.#since !== undefined) return
    this.#since = this.#store.clock.now()
    // Where it fails, what is removed with it fails too.
    this.#tell(String(this.#since)).catch(() => {})
  }

  /** Does a part of a purge that is due, if any. */
  async step (): Promise<void> {
    await this.#load()
    if (this.#from === undefined) {
      // A clock may also be set back.
      if (this.#since === undefined || Math.abs(this.#store.clock.now() - this.#since) < WAIT_MS) return
      this.#since = undefined
      // What is in memory becomes a table, and LevelDB's log begins anew.
      await this.#compacting.compactRange(FIRST, FIRST)
      this.#from = FIRST
    }
    const from = this.#from
    const to = await this.#endBehind(from)
    // A table that no other overlaps stays as it is, with all that is marked in it: these make one that does.
    await this.#store.apply(() => ({ writes: [del(`${from}\0`), del(`${to}\0`)], result: undefined }))
    await this.#compacting.compactRange(from, `${to}\0`)
    this.#from = to === LAST ? undefined : to
    if (to === LAST) await this.#tell(this.#since === undefined ? CLEAN : String(this.#since))
  }

  get #compacting (): Compacting {
    return this.#store.db as unknown as Compacting
  }

  /** No bound of a part is a slug or a label: LevelDB writes them into its own log. */
  async #endBehind (from: string): Promise<string> {
    if (from < RECORDS.gt) return RECORDS.gt
    const keys = await this.#store.db.keys({ gt: from, lt: RECORDS.lt, limit: RECORDS_AT_ONCE }).all()
    return keys.length < RECORDS_AT_ONCE ? LAST : keys.at(-1)!
  }

  #tell (state: string): Promise<void> {
    return this.#store.apply(() => ({ writes: [put(PURGED_KEY, Buffer.from(state))], result: undefined }))
  }

  /** What was before is purged, too, unless it is said that there is nothing. */
  async #load (): Promise<void> {
    if (this.#isLoaded) return
    const state = await this.#store.db.get(PURGED_KEY)
    this.#isLoaded = true
    if (state === undefined) this.note()
    else if (state.toString() !== CLEAN) this.#since ??= Number(state)
  }
}
