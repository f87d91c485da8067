import { systemClock, type Clock } from '../../clock.js'
import { passes } from '../../storage/filter.js'
import { closed, idTaken, slugTaken, staleRevision } from '../../storage/refusals.js'
import { removePage } from '../../storage/remove-page.js'
import type {
  Along, AlongRemoval, AlongStored, Filter, Life, Page, Removed, Store, StoredRecord, Swept
} from '../../storage/store.js'
import { MemoryFeed } from './memory-feed.js'
import { MemoryOutbox } from './memory-outbox.js'

/** Keeps records in the memory of this process. */
export class MemoryStore implements Store {
  readonly outbox: MemoryOutbox
  readonly feed: MemoryFeed
  readonly #clock: Clock
  readonly #records = new Map<string, StoredRecord>()
  readonly #idBySlug = new Map<string, string>()
  #open = true

  constructor (clock: Clock = systemClock) {
    this.#clock = clock
    this.outbox = new MemoryOutbox(clock)
    this.feed = new MemoryFeed(clock)
  }

  async insert (record: StoredRecord, { records = [], ...along }: AlongStored = {}): Promise<void> {
    this.#assertOpen()
    this.#insert([record, ...records])
    this.#tell(along)
  }

  async find (kind: string, id: string): Promise<StoredRecord | undefined> {
    this.#assertOpen()
    return this.#live(kind, id)
  }

  async findBySlug (kind: string, scope: string, slug: string): Promise<StoredRecord | undefined> {
    this.#assertOpen()
    const id = this.#idBySlug.get(key(kind, scope, slug))
    return id === undefined ? undefined : this.#live(kind, id)
  }

  async replace (record: StoredRecord, revision: number, { records = [], ...along }: AlongStored = {}): Promise<void> {
    this.#assertOpen()
    const current = this.#live(record.kind, record.id)
    if (current?.revision !== revision) throw staleRevision(record.id, revision)
    this.#assertSlugFree(record)
    this.#insert(records)
    this.#put({ ...record, expireTime: current.expireTime, expireProof: current.expireProof })
    this.#tell(along)
  }

  async renew (kind: string, id: string, life: Life & { readonly expireTime: number }, along: Along = {}): Promise<boolean> {
    this.#assertOpen()
    const current = this.#live(kind, id)
    if (current === undefined) return false
    this.#records.set(key(kind, id), { ...current, expireProof: undefined, ...life })
    this.#tell(along)
    return true
  }

  async remove (
    kind: string, id: string, revisions?: readonly number[], along?: AlongRemoval
  ): Promise<StoredRecord | undefined> {
    this.#assertOpen()
    const record = this.#live(kind, id)
    if (record === undefined) return undefined
    if (revisions !== undefined && !revisions.includes(record.revision)) throw staleRevision(id, ...revisions)
    this.#delete(record)
    this.#tell(along?.(record))
    return record
  }

  async sweep (limit: number, along?: AlongRemoval): Promise<Swept> {
    this.#assertOpen()
    const removed = [...this.#records.values()]
      .filter(record => !this.#isLive(record))
      .sort((a, b) => a.expireTime! - b.expireTime!)
      .slice(0, limit)
    for (const record of removed) {
      this.#delete(record)
      this.#tell(along?.(record))
    }
    return { removed, damaged: [] }
  }

  async page (kind: string, filter: Filter, cursor: string | undefined, limit: number): Promise<Page> {
    this.#assertOpen()
    const matching = [...this.#records.values()]
      .filter(record => record.kind === kind && this.#isLive(record) && passes(record, filter))
      .filter(({ id }) => cursor === undefined || id < cursor)
      .sort((a, b) => a.id < b.id ? 1 : -1)
    const records = matching.slice(0, limit)
    return { records, damaged: [], cursor: matching.length > limit ? records.at(-1)?.id : undefined }
  }

  removePage (kind: string, filter: Filter, cursor: string | undefined, limit: number, along?: AlongRemoval): Promise<Removed> {
    return removePage(this, kind, filter, cursor, limit, along)
  }

  async kinds (): Promise<ReadonlySet<string>> {
    this.#assertOpen()
    return new Set([...this.#records.values()].map(({ kind }) => kind))
  }

  async keysInUse (): Promise<ReadonlySet<string>> {
    this.#assertOpen()
    return new Set([...this.#records.values()].flatMap(({ sealedBy }) => sealedBy ?? []))
  }

  async ready (): Promise<void> {
    this.#assertOpen()
  }

  async close (): Promise<void> {
    this.#open = false
    this.feed.close()
  }

  #isLive ({ expireTime }: StoredRecord): boolean {
    return expireTime === undefined || expireTime > this.#clock.now()
  }

  #live (kind: string, id: string): StoredRecord | undefined {
    const record = this.#records.get(key(kind, id))
    return record !== undefined && this.#isLive(record) ? record : undefined
  }

  /** All of them, or none. */
  #insert (records: readonly StoredRecord[]): void {
    for (const { kind, id } of records) if (this.#live(kind, id) !== undefined) throw idTaken(id)
    for (const record of records) this.#assertSlugFree(record)
    for (const record of records) this.#put(record)
  }

  #put (record: StoredRecord): void {
    const former = this.#records.get(key(record.kind, record.id))
    if (former !== undefined) this.#delete(former)
    this.#records.set(key(record.kind, record.id), record)
    if (record.slug !== undefined) this.#idBySlug.set(key(record.kind, record.scope, record.slug), record.id)
  }

  #delete ({ kind, id, scope, slug }: StoredRecord): void {
    this.#records.delete(key(kind, id))
    // Having expired it may have given its slug away.
    if (slug !== undefined && this.#idBySlug.get(key(kind, scope, slug)) === id) this.#idBySlug.delete(key(kind, scope, slug))
  }

  #assertSlugFree ({ kind, scope, slug, id }: StoredRecord): void {
    if (slug === undefined) return
    const holder = this.#idBySlug.get(key(kind, scope, slug))
    if (holder !== undefined && holder !== id && this.#live(kind, holder) !== undefined) throw slugTaken(slug, holder)
  }

  #tell ({ events = [], audit = [] }: Along = {}): void {
    this.feed.add(events)
    this.outbox.add(audit)
  }

  #assertOpen (): void {
    if (!this.#open) throw closed()
  }
}

const key = (...parts: string[]) => JSON.stringify(parts)
