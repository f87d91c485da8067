import { mkdir } from 'node:fs/promises'
import { Level } from 'level'
import { decodeRecord, encodeRecord, indexKeys, recordKey, slugKey } from './level-codec.js'
import { cannotOpen } from './level-errors.js'
import { LevelGate } from './level-gate.js'
import { readPage } from './level-page.js'
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
  readonly #gate = new LevelGate()
  #closing: Promise<void> | undefined

  private constructor (db: Level<string, Buffer>) {
    this.#db = db
    this.#reader = new LevelReader(db)
    this.#writer = new LevelWriter(db, this.#reader, this.#gate)
  }

  /** Opens the database in `directory`, which is made where it is absent. @throws `unavailable` with what to do about it */
  static async open (directory: string): Promise<LevelStore> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const db = new Level<string, Buffer>(directory, { valueEncoding: 'buffer' })
      await db.open()
      return new LevelStore(db)
    } catch (error) {
      throw cannotOpen(directory, error)
    }
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

  find (kind: string, id: string): Promise<StoredRecord | undefined> {
    return this.#read(() => this.#find(kind, id))
  }

  findBySlug (kind: string, slug: string): Promise<StoredRecord | undefined> {
    return this.#read(async () => {
      for (let lost: string | undefined; ;) {
        const id = (await this.#reader.get(slugKey(kind, slug)))?.toString()
        if (id === undefined) return undefined
        const record = await this.#find(kind, id)
        if (record?.slug === slug) return record
        // Changed between the two reads, or lost: the second look tells.
        if (lost === id) throw damaged(id)
        lost = id
      }
    })
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

  page (kind: string, filter: PageFilter, cursor: string | undefined, limit: number): Promise<Page> {
    return this.#read(() => readPage(this.#db, kind, filter, cursor, limit))
  }

  /** Writes nothing lasting, but through the same queue and as durably as any change. */
  ready (): Promise<void> {
    return this.#writer.apply({ keys: [], decide: () => ({ operations: [{ type: 'put', key: 'ready', value: Buffer.alloc(0) }], result: undefined }) })
  }

  close (): Promise<void> {
    this.#closing ??= this.#writer.close().then(() => this.#gate.alone(() => this.#db.close()))
    return this.#closing
  }

  async #read<T> (read: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw closed()
    return this.#gate.read(read)
  }

  async #find (kind: string, id: string): Promise<StoredRecord | undefined> {
    const value = await this.#reader.get(recordKey(kind, id))
    return value === undefined ? undefined : decodeRecord(value, id)
  }
}

const puts = (record: StoredRecord): Operation[] => [
  { type: 'put', key: recordKey(record.kind, record.id), value: encodeRecord(record) },
  ...indexKeys(record).map(key => ({ type: 'put' as const, key, value: Buffer.from(record.id) }))
]

const deletes = (record: StoredRecord): Operation[] =>
  [recordKey(record.kind, record.id), ...indexKeys(record)].map(key => ({ type: 'del' as const, key }))
