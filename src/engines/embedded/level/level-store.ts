import { Level } from 'level'
import { makeDirectory } from '../../../files/make-directory.js'
import { closed, damaged, idTaken, slugTaken, staleRevision } from '../../../storage/refusals.js'
import type { Page, PageFilter, Store, StoredRecord } from '../../../storage/store.js'
import { decodeRecord, encodeRecord, indexKeys, recordKey, slugKey } from './level-codec.js'
import { cannotOpen, storeFailure } from './level-errors.js'
import { LevelGate } from './level-gate.js'
import { readPage } from './level-page.js'
import { LevelWriter, type Write } from './level-writer.js'

// Four times LevelDB's own: larger tables are merged less often, which spares a create a fifth of its processor time.
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024

/** Keeps records in an embedded LevelDB, which one process at a time can open. */
export class LevelStore implements Store {
  readonly #db: Level<string, Buffer>
  readonly #writer: LevelWriter
  readonly #gate = new LevelGate()
  #closing: Promise<void> | undefined

  private constructor (db: Level<string, Buffer>) {
    this.#db = db
    this.#writer = new LevelWriter(db, this.#gate, key => this.#get(key))
  }

  /** Opens the database in `directory`, which is made where it is absent. @throws `unavailable` with what to do about it */
  static async open (directory: string): Promise<LevelStore> {
    try {
      await makeDirectory(directory)
      const db = new Level<string, Buffer>(directory, { valueEncoding: 'buffer', writeBufferSize: WRITE_BUFFER_BYTES })
      await db.open()
      return new LevelStore(db)
    } catch (error) {
      throw cannotOpen(directory, error)
    }
  }

  insert (record: StoredRecord): Promise<void> {
    return this.#writer.apply(read => {
      if (read(recordKey(record.kind, record.id)) !== undefined) throw idTaken(record.id)
      const holder = read(slugKey(record.kind, record.slug))
      if (holder !== undefined) throw slugTaken(record.slug, holder.toString())
      return { writes: puts(record), result: undefined }
    })
  }

  async find (kind: string, id: string): Promise<StoredRecord | undefined> {
    if (this.#mustWait) await this.#passage()
    return this.#find(kind, id)
  }

  async findBySlug (kind: string, slug: string): Promise<StoredRecord | undefined> {
    if (this.#mustWait) await this.#passage()
    const id = this.#get(slugKey(kind, slug))?.toString()
    if (id === undefined) return undefined
    const record = this.#find(kind, id)
    if (record?.slug !== slug) throw damaged(id)
    return record
  }

  replace (record: StoredRecord, revision: number): Promise<void> {
    return this.#writer.apply(read => {
      const value = read(recordKey(record.kind, record.id))
      const current = value && decodeRecord(value, record.kind, record.id)
      if (current?.revision !== revision) throw staleRevision(record.id, revision)
      const holder = read(slugKey(record.kind, record.slug))?.toString()
      if (holder !== undefined && holder !== record.id) throw slugTaken(record.slug, holder)
      return { writes: [...deletes(current), ...puts(record)], result: undefined }
    })
  }

  remove (kind: string, id: string, revision?: number): Promise<StoredRecord | undefined> {
    return this.#writer.apply<StoredRecord | undefined>(read => {
      const value = read(recordKey(kind, id))
      if (value === undefined) return { writes: [], result: undefined }
      const record = decodeRecord(value, kind, id)
      if (revision !== undefined && record.revision !== revision) throw staleRevision(id, revision)
      return { writes: deletes(record), result: record }
    })
  }

  async page (kind: string, filter: PageFilter, cursor: string | undefined, limit: number): Promise<Page> {
    if (this.#closing !== undefined) throw closed()
    return this.#gate.read(() => readPage(this.#db, kind, filter, cursor, limit))
  }

  /** Writes nothing lasting, but through the same queue and as durably as any change. */
  ready (): Promise<void> {
    return this.#writer.apply(() => ({ writes: [{ type: 'put', key: 'ready', value: Buffer.alloc(0) }], result: undefined }))
  }

  close (): Promise<void> {
    this.#closing ??= this.#writer.close().then(() => this.#gate.alone(() => this.#db.close()))
    return this.#closing
  }

  get #mustWait (): boolean {
    return this.#closing !== undefined || this.#gate.shut
  }

  /** Resolves when the database has reopened. */
  async #passage (): Promise<void> {
    if (this.#closing !== undefined) throw closed()
    await this.#gate.read(async () => {})
  }

  #find (kind: string, id: string): StoredRecord | undefined {
    const value = this.#get(recordKey(kind, id))
    return value === undefined ? undefined : decodeRecord(value, kind, id)
  }

  /**
   * Reads in this thread. LevelDB answers from memory or the page cache in microseconds, and to hand that to another
   * thread, even many reads at once, gained nothing when measured. A read that must go to the disk holds up the others.
   * @throws `unavailable`, or `internal` naming what is damaged
   */
  #get (key: string): Buffer | undefined {
    try {
      return this.#db.getSync(key)
    } catch (error) {
      throw storeFailure(error, key)
    }
  }
}

const puts = (record: StoredRecord): Write[] => [
  { type: 'put', key: recordKey(record.kind, record.id), value: encodeRecord(record) },
  ...indexKeys(record).map(key => ({ type: 'put' as const, key, value: Buffer.from(record.id) }))
]

const deletes = (record: StoredRecord): Write[] =>
  [recordKey(record.kind, record.id), ...indexKeys(record)].map(key => ({ type: 'del' as const, key }))
