import type { Level } from 'level'
import type { Clock } from '../../../clock.js'
import { noPosition, trimmed, type Change, type Feed, type Keeping, type StoreEvent } from '../../../storage/feed.js'
import { del, put, type Decided, type Write } from './level-changes.js'
import { decodeValue, encodeValue } from './level-codec.js'
import { storeFailure } from './level-errors.js'
import { changeKey, FEED_KEY, numberIn, ordered, READY_KEY } from './level-keys.js'
import type { LevelSet } from './level-set.js'

/** What the feed needs of its store. */
export interface FeedStore {
  readonly db: Level<string, Buffer>
  readonly clock: Clock
  readonly set: LevelSet
  /** Commits. */
  apply<Result> (change: () => Decided<Result>): Promise<Result>
  /** Reads while the database stays open. */
  guarded<T> (read: () => Promise<T>): Promise<T>
  /** Called where something is dropped, which is to leave LevelDB's files too. */
  dropped (): void
}

/** Which changes there are: those behind `first`, up to `last`. Another epoch has numbers of its own, and later positions. */
interface Extent {
  readonly epoch: string
  readonly first: number
  readonly last: number
}

// What most who follow ask for: to read it back would cost more.
const MOST_RECENT = 1024
const TRIMMED_AT_ONCE = 1024
const NEVER = 0
const EMPTY = Buffer.alloc(0)

/** The feed of a LevelDB: an entry for each event, by its number, with a code that proves it. */
export class LevelFeed implements Feed {
  readonly #store: FeedStore
  readonly #listeners = new Set<() => void>()
  #extent: Extent = { epoch: '', first: 0, last: 0 }
  #kept = this.#extent
  #recent: Change[] = []
  /** When the oldest was committed, where that is known. */
  #oldest: number | undefined

  constructor (store: FeedStore) {
    this.#store = store
  }

  /** Finds out what is there. Called before anything else, and whenever a batch may have been written or not. */
  async load (): Promise<void> {
    const { db, set, clock } = this.#store
    const value = await db.get(FEED_KEY)
    const kept: Extent | undefined = value && JSON.parse(decodeValue(FEED_KEY, value)?.head ?? 'null')
    const [latest] = await db.keys({ gt: changeKey(0), lt: changeKey(Number.MAX_SAFE_INTEGER), limit: 1, reverse: true }).all()
    const last = Math.max(kept?.last ?? 0, latest === undefined ? 0 : numberIn(latest), set.state.events)
    this.#kept = kept ?? { epoch: '', first: 0, last: 0 }
    this.#extent = { epoch: kept?.epoch ?? epochOf(clock.now()), first: kept?.first ?? last, last }
    this.#recent = []
    this.#oldest = undefined
    this.#tell()
  }

  /** So many were committed, says what proves the store. */
  atLeast (last: number): void {
    if (last <= this.#extent.last) return
    this.#extent = { ...this.#extent, last }
    this.#recent = []
  }

  /** Begins a batch: what `add` answers is part of it, and `end` what must stand behind all; then it is `committed`. */
  begin () {
    const { clock } = this.#store
    const added: Change[] = []
    let { last } = this.#extent
    return {
      get last (): number {
        return last
      },
      add: (events: readonly StoreEvent[] = []): Write[] => events.map(event => {
        const key = changeKey(++last)
        const time = clock.now()
        const text = textOf(event, time)
        added.push({ position: this.#positionOf(last), time, event })
        return put(key, encodeValue(key, text, this.#store.set.key?.codeOf(key, text)))
      }),
      end: (): Write[] => {
        const { epoch, first } = this.#extent
        const isKept = this.#kept.last === last && this.#kept.first === first && this.#kept.epoch === epoch
        if (isKept) return []
        this.#kept = { epoch, first, last }
        return [put(FEED_KEY, encodeValue(FEED_KEY, JSON.stringify(this.#kept)))]
      },
      committed: (): void => {
        if (added.length === 0) return
        this.#extent = { ...this.#extent, last }
        this.#recent.push(...added)
        if (this.#recent.length > 2 * MOST_RECENT) this.#recent = this.#recent.slice(-MOST_RECENT)
        this.#tell()
      }
    }
  }

  changes (after: string | undefined, limit: number): Promise<readonly Change[]> {
    return this.#store.guarded(() => this.#changes(after, limit))
  }

  last (): Promise<string> {
    return this.#store.guarded(async () => this.#positionOf(this.#extent.last))
  }

  async #changes (after: string | undefined, limit: number): Promise<readonly Change[]> {
    const from = this.#numberOf(after)
    const { last } = this.#extent
    const behind = last - from
    const { length } = this.#recent
    if (behind <= length) return this.#recent.slice(length - behind, length - behind + limit)
    const found = new Map((await this.#entries(from, limit)).map(change => [change.position, change]))
    const to = Math.min(last, from + limit)
    return Array.from({ length: to - from }, (_, index) => {
      const position = this.#positionOf(from + 1 + index)
      return found.get(position) ?? { position, time: NEVER, event: undefined }
    })
  }

  listen (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  async trim ({ ms, most }: Keeping): Promise<number> {
    const before = this.#extent.first
    for (;;) {
      const to = await this.#trimTo(this.#store.clock.now() - ms, most)
      const from = this.#extent.first
      if (to === from) return from - before
      this.#store.dropped()
      await this.#store.apply(() => {
        this.#extent = { ...this.#extent, first: to }
        return { writes: Array.from({ length: to - from }, (_, index) => del(changeKey(from + 1 + index))), result: undefined }
      })
    }
  }

  /** Drops all, and gives later positions from here on: of what somebody has a position of, other things may come now than those that did. */
  async beginAnew (): Promise<void> {
    await this.trim({ ms: 0, most: 0 })
    const { clock, apply } = this.#store
    await apply(() => {
      this.#extent = { ...this.#extent, epoch: epochOf(clock.now()) }
      return { writes: [put(READY_KEY, EMPTY)], result: undefined }
    })
  }

  /** Up to which number they may go now; some more may follow. */
  async #trimTo (time: number, most: number): Promise<number> {
    const { first, last } = this.#extent
    const tooMany = Math.min(first + TRIMMED_AT_ONCE, last - most)
    if (first === last || (tooMany <= first && this.#oldest !== undefined && this.#oldest > time)) return first
    const looked = this.#oldest === undefined ? 1 : TRIMMED_AT_ONCE
    const entries = await this.#store.guarded(() => this.#entries(first, looked))
    const young = entries.find(change => change.time > time)
    this.#oldest = young?.time ?? NEVER
    const tooOld = young === undefined ? Math.min(last, first + Math.max(1, entries.length)) : numberIn(young.position) - 1
    return Math.max(tooMany, tooOld)
  }

  /** @throws as `changes` */
  #numberOf (position: string | undefined): number {
    const { epoch, first, last } = this.#extent
    if (position === undefined) return first
    const [, of, number = ''] = POSITION.exec(position) ?? []
    if (of === undefined || of > epoch || (of === epoch && Number(number) > last)) throw noPosition()
    if (of !== epoch || Number(number) < first) throw trimmed(this.#positionOf(first))
    return Number(number)
  }

  #positionOf (number: number): string {
    return `${this.#extent.epoch}-${ordered(number)}`
  }

  /** Those that are there among the `limit` behind `from`. */
  async #entries (from: number, limit: number): Promise<Change[]> {
    const range = { gt: changeKey(from), lte: changeKey(from + limit) }
    const found = await this.#store.db.iterator(range).all().catch(error => { throw storeFailure(error) })
    return found.map(([key, value]) => this.#decode(key, value))
  }

  #decode (key: string, value: Buffer): Change {
    const position = this.#positionOf(numberIn(key))
    const { head, body } = decodeValue(key, value) ?? {}
    const [, time, kind, id, data] = TEXT.exec(head ?? '') ?? []
    const setKey = this.#store.set.key
    const isProved = data !== undefined && (setKey === undefined || setKey.isCodeOf(key, head!, body!))
    if (!isProved) return { position, time: NEVER, event: undefined }
    return { position, time: Number(time), event: { kind: kind!, id: id!, data } }
  }

  #tell (): void {
    for (const listener of this.#listeners) listener()
  }
}

const POSITION = /^([0-9a-z]{9})-(\d{16})$/
/** Later ones are greater, until the year 5188. */
const epochOf = (milliseconds: number) => milliseconds.toString(36).padStart(9, '0')

// Kinds and ids hold no NUL.
const textOf = ({ kind, id, data }: StoreEvent, time: number) => `${time}\0${kind}\0${id}\0${data}`
const TEXT = /^(\d+)\0([^\0]*)\0([^\0]*)\0(.*)$/s
