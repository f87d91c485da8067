import { closed, idTaken, slugTaken, staleRevision } from '../../storage/refusals.js'
import type { Page, PageFilter, Store, StoredRecord } from '../../storage/store.js'

/** Keeps records in the memory of this process. */
export class MemoryStore implements Store {
  readonly #records = new Map<string, StoredRecord>()
  readonly #idBySlug = new Map<string, string>()
  #open = true

  async insert (record: StoredRecord): Promise<void> {
    this.#assertOpen()
    if (this.#records.has(key(record.kind, record.id))) throw idTaken(record.id)
    this.#assertSlugFree(record)
    this.#put(record)
  }

  async find (kind: string, id: string): Promise<StoredRecord | undefined> {
    this.#assertOpen()
    return this.#records.get(key(kind, id))
  }

  async findBySlug (kind: string, slug: string): Promise<StoredRecord | undefined> {
    this.#assertOpen()
    const id = this.#idBySlug.get(key(kind, slug))
    return id === undefined ? undefined : this.#records.get(key(kind, id))
  }

  async replace (record: StoredRecord, revision: number): Promise<void> {
    this.#assertOpen()
    const current = this.#records.get(key(record.kind, record.id))
    if (current?.revision !== revision) throw staleRevision(record.id, revision)
    this.#assertSlugFree(record)
    this.#idBySlug.delete(key(current.kind, current.slug))
    this.#put(record)
  }

  async remove (kind: string, id: string, revision?: number): Promise<StoredRecord | undefined> {
    this.#assertOpen()
    const record = this.#records.get(key(kind, id))
    if (record === undefined) return undefined
    if (revision !== undefined && record.revision !== revision) throw staleRevision(id, revision)
    this.#records.delete(key(kind, id))
    this.#idBySlug.delete(key(kind, record.slug))
    return record
  }

  async page (kind: string, filter: PageFilter, cursor: string | undefined, limit: number): Promise<Page> {
    this.#assertOpen()
    const matches = [...this.#records.values()]
      .filter(record => record.kind === kind && accepts(filter, record))
      .map(record => ({ record, place: place(filter, record) }))
      .filter(({ place }) => cursor === undefined || place > cursor)
      .sort((a, b) => a.place < b.place ? -1 : 1)
    const page = matches.slice(0, limit)
    return { records: page.map(({ record }) => record), damaged: [], cursor: matches.length > limit ? page.at(-1)?.place : undefined }
  }

  async ready (): Promise<void> {
    this.#assertOpen()
  }

  async close (): Promise<void> {
    this.#open = false
  }

  #put (record: StoredRecord) {
    this.#records.set(key(record.kind, record.id), record)
    this.#idBySlug.set(key(record.kind, record.slug), record.id)
  }

  #assertSlugFree ({ kind, slug, id }: StoredRecord) {
    const holder = this.#idBySlug.get(key(kind, slug))
    if (holder !== undefined && holder !== id) throw slugTaken(slug, holder)
  }

  #assertOpen () {
    if (!this.#open) throw closed()
  }
}

const key = (kind: string, name: string) => `${kind}\0${name}`

function accepts (filter: PageFilter, record: StoredRecord): boolean {
  if (filter.executionId !== undefined) return record.executionId === filter.executionId
  if (filter.expiresBefore !== undefined) return record.expireTime !== undefined && record.expireTime < filter.expiresBefore
  return true
}

/** Where a record stands in the order of `filter`'s index. */
const place = (filter: PageFilter, { id, expireTime = 0 }: StoredRecord) =>
  filter.expiresBefore === undefined ? id : `${String(expireTime).padStart(16, '0')}\0${id}`
