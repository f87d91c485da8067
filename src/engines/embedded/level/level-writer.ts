import { setTimeout as sleep } from 'node:timers/promises'
import type { Level } from 'level'
import { Stall } from '../../../clock.js'
import { GatewayError } from '../../../errors.js'
import { closed } from '../../../storage/refusals.js'
import type { Reserve } from '../reserve.js'
import { LevelBatch } from './level-batch.js'
import type { Change, Write } from './level-changes.js'
import { isOutOfRoom, storeFailure } from './level-errors.js'
import { isOfSet } from './level-keys.js'
import type { LevelFeed } from './level-feed.js'
import type { LevelLog } from './level-log.js'
import type { Read } from './level-reader.js'
import type { LevelSet } from './level-set.js'

interface Queued<Result> {
  readonly change: Change<Result>
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/** What the writer needs of its store. */
export interface WrittenStore {
  readonly db: Level<string, Buffer>
  readonly read: Read
  readonly log: LevelLog
  readonly feed: LevelFeed
  readonly set: LevelSet
  readonly reserve: Reserve | undefined
  /** Closes the database and opens it again, and has everybody load anew what is there. */
  reopen (): Promise<void>
}

const MOST_CHANGES_AT_ONCE = 512
/** How long a write may take before the disk is said to hang: then nothing more is taken on. */
const HANGING_MS = 2_000
const RETRY_MS = 250

const HANGS = new GatewayError('unavailable', 'the disk does not answer: nothing was done; try again', { retryAfterSeconds: 5 })
const FAILS = new GatewayError('unavailable', 'the disk cannot be written now: nothing was done; try again', { retryAfterSeconds: 5 })
const IN_DOUBT = new GatewayError(
  'unavailable', 'the disk failed while this was written, and whether it is there is not known yet; try again', { retryAfterSeconds: 1 }
)
const UNKNOWN = new GatewayError('deadline_exceeded', 'the gateway closes, and does not know whether this was done: the disk failed')

/**
 * LevelDB's batches are atomic but not conditional, and it has one writer. So changes stand in one queue, which
 * checks the conditions of all that wait and writes what they decide, with what comes along, as one synced batch (group commit).
 *
 * A write that fails may be there nevertheless: its bytes may have come to the disk, or come later. So nobody is answered, and
 * nobody is shown what it is about, until the database was opened again, which makes a table of what it finds. Then it is known.
 */
export class LevelWriter {
  readonly #store: WrittenStore
  #queue: Array<Queued<any>> = []
  #draining: Promise<void> | undefined
  #open = true
  readonly #stall = new Stall(HANGING_MS, () => this.#refuse(HANGS))
  #inDoubt: LevelBatch | undefined

  constructor (store: WrittenStore) {
    this.#store = store
  }

  /** Whether the disk takes so long that it should not be waited for. */
  get hangs (): boolean {
    return this.#stall.isLong
  }

  /** Resolves with the change's result when it is durable. @throws `unavailable` where nothing was done */
  apply<Result> (change: Change<Result>): Promise<Result> {
    if (!this.#open) return Promise.reject(closed())
    if (this.#inDoubt !== undefined) return Promise.reject(FAILS)
    if (this.hangs) return Promise.reject(HANGS)
    return new Promise((resolve, reject) => {
      this.#queue.push({ change, resolve, reject })
      this.#draining ??= this.#drain()
    })
  }

  /** @throws `unavailable` where it is not known what is under `key`; without one, under any */
  assertKnown (key?: string): void {
    if (this.#inDoubt !== undefined && (key === undefined || this.#inDoubt.has(key))) throw IN_DOUBT
  }

  /** Resolves when all that was accepted is settled; accepts nothing more. */
  async close (): Promise<void> {
    this.#open = false
    await this.#draining
  }

  async #drain (): Promise<void> {
    // One turn of the event loop lets everything that has already arrived join the first batch.
    await new Promise(resolve => setImmediate(resolve))
    while (this.#queue.length > 0) await this.#commit(this.#queue.splice(0, MOST_CHANGES_AT_ONCE))
    this.#draining = undefined
  }

  /** Settles every one of `changes`, refusals too only once the batch is durable: what they refer to may be in it. */
  async #commit (changes: Array<Queued<any>>): Promise<void> {
    try {
      const { log, feed, set } = this.#store
      const batch = new LevelBatch(this.#store.read)
      const logged = log.begin()
      const told = feed.begin()
      const { isKept } = set
      const settle = changes.map(({ change, resolve, reject }) => {
        try {
          const { writes, along, result } = change(batch.read)
          // What cannot be read must be in the way of this change alone.
          if (isKept) for (const { key } of writes) if (isOfSet(key)) batch.before(key)
          batch.add(writes)
          batch.add(told.add(along?.events))
          batch.add(logged.add(along?.audit))
          return () => resolve(result)
        } catch (refusal) {
          return () => reject(refusal)
        }
      })
      if (!batch.isEmpty) {
        const state = set.after(batch, { audit: logged.audit, events: told.last })
        batch.add(state.writes)
        batch.add(logged.end())
        batch.add(told.end())
        if (await this.#stall.watch(this.#write(batch))) {
          state.committed()
          logged.committed()
          told.committed()
        }
      }
      for (const tell of settle) tell()
    } catch (error) {
      const refusal = storeFailure(error)
      for (const { reject } of changes) reject(refusal)
    }
  }

  /**
   * Resolves when the batch is there: whether as it was written, or as it was found when the database had been opened again.
   * @throws where it is not, and will not be; `deadline_exceeded` where that cannot be told
   */
  async #write (batch: LevelBatch): Promise<boolean> {
    try {
      await this.#put(batch.writes)
      return true
    } catch (error) {
      this.#inDoubt = batch
      // Where that fails too, opening it again does, until it can be done.
      if (isOutOfRoom(error)) await this.#store.reserve?.release().catch(() => {})
      await this.#reopen()
      this.#inDoubt = undefined
      if (!isThere(batch, this.#store.read)) throw error
      return false
    }
  }

  /** What has not begun will not be done: whoever waits for it can be told. */
  #refuse (refusal: GatewayError): void {
    for (const { reject } of this.#queue.splice(0)) reject(refusal)
  }

  #put (writes: Iterable<Write>): Promise<void> {
    // Put together by calls, a batch costs a fifth less than as a list of objects.
    const batch = this.#store.db.batch()
    for (const write of writes) {
      if (write.type === 'put') batch.put(write.key, write.value)
      else batch.del(write.key)
    }
    return batch.write({ sync: true })
  }

  /** Tries until it can be done. Meanwhile what waits is told so. */
  async #reopen (): Promise<void> {
    for (;;) {
      try {
        return await this.#store.reopen()
      } catch (error) {
        this.#refuse(FAILS)
        if (!this.#open) throw UNKNOWN
        await sleep(RETRY_MS)
      }
    }
  }
}

/** Whether the database holds what `batch` writes: all of it, since a batch is there as a whole or not at all. */
function isThere (batch: LevelBatch, read: Read): boolean {
  for (const write of batch.writes) {
    const found = read(write.key)
    if (write.type === 'del' ? found !== undefined : found === undefined || !found.equals(write.value)) return false
  }
  return true
}
