import { mkdir } from 'node:fs/promises'
import { Level } from 'level'
import { decodeRecord, encodeRecord, expireTimeBound, indexKeys, indexPrefix, recordKey, slugKey } from './level-codec.js'
import { cannotOpen, unavailable } from './level-errors.js'
import { LevelReader } from './level-reader.js'
import { LevelWriter, type Operation } from './level-writer.js'
import { closed, damaged, idTaken, slugTaken, staleRevision } from './refusals.js'
import type { Page, PageFilter, Store, StoredRecord } from './store.js'

/** Keeps records in an embedded LevelDB, which one process at a time can open. */
export class LevelStore implements Store {
  readonly durable = true
  readonly #db: Level<string, Buffer>
  readonly #reader: LevelReader
  readonly #writer: LevelWriter
  #open = true

  private constructor (db: Level<string, Buffer>) {
    this.#db = db
    this.#reader = new LevelReader(db)
    this.#writer = new LevelWriter(db, this.#reader)
  }

  /** Opens the database in `directory`, which is made where it is absent. @throws `unavailable` with what to do about it */
  static async open (directory: string): Promise<LevelStore> {
    const db = new Level<string, Buffer>(directory, { valueEncoding: 'buffer' })
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await db.open()
    } catch (error) {
      throw cannotOpen(directory, error)
    }
    return new LevelStore(db)
  }

  insert (record: StoredRecord): Promise<void> {
    const own = recordKey(record.kind, record.id)
    const slug = slugKey(record.kind, record.slug)
    return this.#writer.apply({
      keys: [own, slug],
      decide: read => {
        if (read(own) !== undefined) throw idTaken(record.id)
        const holder = read(slug)
        if (holder !== undefined) throw slugTaken(record.slug, holder.toString())
        return { operations: puts(record), result: undefined }
      }
    })
  }

  async find (kind: string, id: string): Promise<StoredRecord | undefined> {
    const value = await this.#get(recordKey(kind, id))
    return value === undefined ? undefined : decodeRecord(value, id)
  }

  async findBySlug (kind: string, slug: string): Promise<StoredRecord | undefined> {
    for (let lost: string | undefined; ;) {
      const id = (await this.#get(slugKey(kind, slug)))?.toString()
      if (id === undefined) return undefined
      const record = await this.find(kind, id)
      if (record !== undefined) return record
      // Removed between the two reads, or lost: the second look tells.
      if (lost === id) throw damaged(id)
      lost = id
    }
  }

  replace (record: StoredRecord, revision: number): Promise<void> {
    const own = recordKey(record.kind, record.id)
    const slug = slugKey(record.kind, record.slug)
    return this.#writer.apply({
      keys: [own, slug],
      decide: read => {
        const value = read(own)
        const current = value && decodeRecord(value, record.id)
        if (current?.revision !== revision) throw staleRevision(record.id, revision)
        const holder = read(slug)?.toString()
        if (holder !== undefined && holder !== record.id) throw slugTaken(record.slug, holder)
        return { operations: [...deletes(current), ...puts(record)], result: undefined }
      }
    })
  }

  remove (kind: string, id: string, revision?: number): Promise<StoredRecord | undefined> {
    const own = recordKey(kind, id)
    return this.#writer.apply<StoredRecord | undefined>({
      keys: [own],
      decide: read => {
        const value = read(own)
        if (value === undefined) return { operations: [], result: undefined }
        const record = decodeRecord(value, id)
        if (revision !== undefined && record.revision !== revision) throw staleRevision(id, revision)
        return { operations: deletes(record), result: record }
      }
    })
  }

  async page (kind: string, filter: PageFilter, cursor: string | undefined, limit: number): Promise<Page> {
    this.#assertOpen()
    const prefix = filter.executionId !== undefined
      ? indexPrefix.byExecution(kind, filter.executionId)
      : filter.expiresBefore !== undefined ? indexPrefix.byExpireTime(kind) : indexPrefix.byId(kind)
    // U+FFFF sorts behind every character that a key can hold.
    const end = filter.expiresBefore !== undefined ? expireTimeBound(kind, filter.expiresBefore) : `${prefix}\uffff`
    try {
      const keys = await this.#db.keys({ gt: cursor === undefined ? prefix : prefix + cursor, lt: end, limit: limit + 1 }).all()
      const places = keys.slice(0, limit).map(key => key.slice(prefix.length))
      const records = await Promise.all(places.map(place => this.find(kind, place.slice(place.lastIndexOf('\0') + 1))))
      return {
        // One that was removed since its key was read is no longer a match.
        records: records.filter(record => record !== undefined),
        cursor: keys.length > limit ? places.at(-1) : undefined
      }
    } catch (error) {
      throw unavailable(error)
    }
  }

  /** Writes nothing lasting, but through the same queue and as durably as any change. */
  ready (): Promise<void> {
    return this.#writer.apply({ keys: [], decide: () => ({ operations: [{ type: 'put', key: 'ready', value: new Uint8Array() }], result: undefined }) })
  }

  async close (): Promise<void> {
    this.#open = false
    await this.#writer.close()
    await this.#db.close()
  }

  async #get (key: string): Promise<Buffer | undefined> {
    this.#assertOpen()
    try {
      return await this.#reader.get(key)
    } catch (error) {
      throw unavailable(error)
    }
  }

  #assertOpen () {
    if (!this.#open) throw closed()
  }
}

const puts = (record: StoredRecord): Operation[] => [
  { type: 'put', key: recordKey(record.kind, record.id), value: encodeRecord(record) },
  ...indexKeys(record).map(key => ({ type: 'put' as const, key, value: Buffer.from(record.id) }))
]

const deletes = (record: StoredRecord): Operation[] =>
  [recordKey(record.kind, record.id), ...indexKeys(record)].map(key => ({ type: 'del' as const, key }))
