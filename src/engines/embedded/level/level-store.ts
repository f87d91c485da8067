import { resolve } from 'node:path'
import { Level } from 'level'
import type { AuditOutbox } from '../../../audit/audit-outbox.js'
import { systemClock, type Clock } from '../../../clock.js'
import { makeDirectory } from '../../../files/make-directory.js'
import { closed, damaged } from '../../../storage/refusals.js'
import { removePage } from '../../../storage/remove-page.js'
import type {
  Along, AlongRemoval, AlongStored, Filter, Life, Page, Removed, Store, StoredRecord, Swept
} from '../../../storage/store.js'
import type { Reserve } from '../reserve.js'
import { LevelChanges, put, type Change as LevelChange } from './level-changes.js'
import { cannotOpen, isOutOfRoom, storeFailure } from './level-errors.js'
import { assertFormat } from './level-format.js'
import { LevelGate } from './level-gate.js'
import { LevelIntegrity } from './level-integrity.js'
import { assertReopenable } from './level-probe.js'
import { assertFilesWhole } from './database-files.js'
import { LevelSet } from './level-set.js'
import { expireTimeKey, READY_KEY, recordKey, slugKey, TREES_KEY } from './level-keys.js'
import { LevelFeed } from './level-feed.js'
import { LevelLog } from './level-log.js'
import { readKeysInUse, readKeysOfRecords, readKinds, readPage } from './level-lists.js'
import { readHolder, readRecord, together } from './level-reader.js'
import { LevelSweeper } from './level-sweeper.js'
import { LevelWriter } from './level-writer.js'

// Four times LevelDB's own: larger tables are merged less often, which spares a create a fifth of its processor time.
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024
const EMPTY = Buffer.alloc(0)

/** Where this process has a database open: several threads may, of one store. LevelDB's own lock keeps other processes out. */
const opened = new Set<string>()

/** Keeps records in an embedded LevelDB, which one process at a time can open. */
export class LevelStore implements Store {
  readonly #db: Level<string, Buffer>
  readonly #changes: LevelChanges
  readonly #set: LevelSet
  /** Whether what it holds is what was committed. */
  readonly integrity: LevelIntegrity
  readonly #log: LevelLog
  /** What was committed. */
  readonly feed: LevelFeed
  readonly #writer: LevelWriter
  readonly #sweeper: LevelSweeper
  readonly #gate = new LevelGate()
  readonly #reserve: Reserve | undefined
  #closing: Promise<void> | undefined

  private constructor (db: Level<string, Buffer>, clock: Clock, reserve?: Reserve) {
    this.#db = db
    this.#changes = new LevelChanges(clock)
    this.#set = new LevelSet(this.#getAny)
    const shared = { db, clock, set: this.#set, guarded: this.#guarded }
    this.#log = new LevelLog({ ...shared, apply: decided => this.#apply(() => decided) })
    this.feed = new LevelFeed({ ...shared, apply: change => this.#apply(change), dropped: () => this.#sweeper.note() })
    this.#reserve = reserve
    const written = { db, log: this.#log, feed: this.feed, set: this.#set }
    this.#writer = new LevelWriter({ ...written, read: this.#getAny, reserve, reopen: () => this.#reopen() })
    this.integrity = new LevelIntegrity({ ...written, apply: change => this.#apply(change) })
    this.#sweeper = new LevelSweeper({
      db,
      clock,
      changes: this.#changes,
      maySweep: () => !this.#set.isBegun || this.integrity.isWhole,
      apply: change => this.#apply(change),
      guarded: this.#guarded
    })
  }

  /** Opens the database in `directory`, which is made where it is absent. @throws `unavailable` with what to do about it */
  static async open (directory: string, clock: Clock = systemClock, reserve?: Reserve): Promise<LevelStore> {
    try {
      return await LevelStore.#open(directory, clock, reserve)
    } catch (error) {
      // There may be no room even to open it.
      if (!isOutOfRoom(error) || !await reserve?.release()) throw error
      return await LevelStore.#open(directory, clock, reserve)
    }
  }

  static async #open (directory: string, clock: Clock, reserve?: Reserve): Promise<LevelStore> {
    if (opened.has(resolve(directory))) throw cannotOpen(directory, Object.assign(new Error('open'), { code: 'LEVEL_LOCKED' }))
    let db: Level<string, Buffer> | undefined
    try {
      await makeDirectory(directory)
      await assertFilesWhole(directory)
      db = new Level(directory, { valueEncoding: 'buffer', writeBufferSize: WRITE_BUFFER_BYTES, multithreading: true })
      await db.open()
      opened.add(resolve(directory))
      await assertFormat(db)
      const store = new LevelStore(db, clock, reserve)
      await store.#log.open()
      await store.feed.load()
      return store
    } catch (error) {
      await db?.close()
      opened.delete(resolve(directory))
      throw cannotOpen(directory, error)
    }
  }

  /** The audit events that came along with changes, until they are kept elsewhere. */
  get outbox (): AuditOutbox {
    return this.#log
  }

  async insert (record: StoredRecord, along?: AlongStored): Promise<void> {
    if (this.#reserve?.isFull) await this.#reserve.admit()
    return this.#apply(this.#changes.insert(record, along))
  }

  async find (kind: string, id: string): Promise<StoredRecord | undefined> {
    return this.#read(() => this.#fetch(kind, id), () => {
      const record = this.#live(together(() => readRecord(this.#get, kind, id)))
      if (record === undefined) this.integrity.assertAbsent(kind, { id })
      return record
    })
  }

  async findBySlug (kind: string, scope: string, slug: string): Promise<StoredRecord | undefined> {
    const fetch = async () => {
      const id = await this.#db.get(slugKey(kind, scope, slug))
      if (id !== undefined) await this.#fetch(kind, id.toString())
    }
    return this.#read(fetch, () => {
      const record = this.#live(together(() => {
        const id = readHolder(this.#get, kind, scope, slug)
        if (id === undefined) return undefined
        const found = readRecord(this.#get, kind, id)
        if (found?.slug !== slug || found.scope !== scope) throw damaged(id)
        return found
      }))
      if (record === undefined) this.integrity.assertAbsent(kind, { slug })
      return record
    })
  }

  async replace (record: StoredRecord, revision: number, along?: AlongStored): Promise<void> {
    if (this.#reserve?.isFull) await this.#reserve.admit()
    this.#sweeper.note()
    return this.#apply(this.#changes.replace(record, revision, along))
  }

  renew (kind: string, id: string, life: Life & { readonly expireTime: number }, along?: Along): Promise<boolean> {
    return this.#apply(this.#changes.renew(kind, id, life, along))
  }

  remove (kind: string, id: string, revisions?: readonly number[], along?: AlongRemoval): Promise<StoredRecord | undefined> {
    this.#sweeper.note()
    return this.#apply(this.#changes.remove(kind, id, revisions, along))
  }

  sweep (limit: number, along?: AlongRemoval): Promise<Swept> {
    return this.#sweeper.sweep(limit, along)
  }

  page (kind: string, filter: Filter, cursor: string | undefined, limit: number): Promise<Page> {
    return this.#known(async () => {
      const page = await readPage(this.#db, kind, filter, cursor, limit, this.#changes.isLive)
      const wrong = page.records.filter(({ id }) => !this.integrity.isServed(kind, id)).map(({ id }) => id)
      const lost = cursor === undefined ? this.integrity.lostIn(kind, filter) : []
      if (cursor === undefined && page.records.length === 0) this.integrity.assertKnown()
      if (wrong.length + lost.length === 0) return page
      const records = page.records.filter(({ id }) => this.integrity.isServed(kind, id))
      return { ...page, records, damaged: [...page.damaged, ...wrong, ...lost] }
    })
  }

  removePage (kind: string, filter: Filter, cursor: string | undefined, limit: number, along?: AlongRemoval): Promise<Removed> {
    return removePage(this, kind, filter, cursor, limit, along)
  }

  kinds (): Promise<ReadonlySet<string>> {
    return this.#known(() => readKinds(this.#db))
  }

  keysInUse (): Promise<ReadonlySet<string>> {
    return this.#known(() => readKeysInUse(this.#db))
  }

  /** As `keysInUse`, but for what seals no record. */
  keysOfRecords (): Promise<ReadonlySet<string>> {
    return this.#known(() => readKeysOfRecords(this.#db))
  }

  /** Whether `noteTrees` was called, ever. */
  hasTrees (): Promise<boolean> {
    return this.#guarded(async () => await this.#db.get(TREES_KEY) !== undefined)
  }

  noteTrees (): Promise<void> {
    return this.#apply(() => ({ writes: [put(TREES_KEY, EMPTY)], result: undefined }))
  }

  /** Writes nothing lasting, but through the same queue and as durably as any change. */
  async ready (): Promise<void> {
    this.integrity.assertKnown()
    if (this.#reserve?.isFull) await this.#reserve.admit()
    return this.#apply(() => ({ writes: [put(READY_KEY, EMPTY)], result: undefined }))
  }

  close (): Promise<void> {
    this.#closing ??= this.#writer.close()
      .then(() => this.integrity.stopChecking())
      .then(() => this.#gate.alone(() => this.#db.close()))
      .finally(() => opened.delete(resolve(this.#db.location)))
    return this.#closing
  }

  #apply<Result> (change: LevelChange<Result>): Promise<Result> {
    return this.#writer.apply(change)
  }

  /** Reads at once, unless the database reopens; and where the disk hangs not before another thread has fetched from it what is read. */
  #read<T> (fetch: () => Promise<unknown>, read: () => T): T | Promise<T> {
    if (this.#closing !== undefined) throw closed()
    if (!this.#gate.shut && !this.#writer.hangs) return read()
    return this.#gate.read(async () => {
      if (this.#writer.hangs) await fetch()
      return read()
    })
  }

  #fetch (kind: string, id: string): Promise<unknown> {
    return Promise.all([recordKey(kind, id), expireTimeKey(kind, id)].map(key => this.#db.get(key)))
  }

  #live (record: StoredRecord | undefined): StoredRecord | undefined {
    if (record === undefined || !this.#changes.isLive(record)) return undefined
    this.integrity.assertServed(record.kind, record.id)
    return record
  }

  /**
   * After a failed write LevelDB's log may end in half a record, behind which nothing written could be recovered: opened again
   * it starts a new log. Reads go on until the disk can be written again, and wait meanwhile.
   */
  async #reopen (): Promise<void> {
    await this.integrity.stopChecking()
    if (this.#db.status === 'open') await assertReopenable(this.#db.location)
    await this.#gate.alone(async () => {
      await this.#db.close()
      await this.#db.open()
      this.#set.reload()
      await this.#log.load()
      await this.feed.load()
    })
  }

  /** As `guarded`, for what is not known as long as a change is in doubt. */
  #known<T> (read: () => Promise<T>): Promise<T> {
    return this.#guarded(async () => {
      this.#writer.assertKnown()
      this.integrity.assertIndexed()
      return read()
    })
  }

  readonly #guarded = async <T>(read: () => Promise<T>): Promise<T> => {
    if (this.#closing !== undefined) throw closed()
    return this.#gate.read(read)
  }

  /**
   * Reads in this thread. LevelDB answers from memory or the page cache in microseconds, and to hand that to another
   * thread, even many reads at once, gained nothing when measured. A read that must go to the disk holds up the others.
   * @throws `unavailable`, or `internal` naming what is damaged
   */
  readonly #get = (key: string): Buffer | undefined => {
    this.#writer.assertKnown(key)
    return this.#getAny(key)
  }

  readonly #getAny = (key: string): Buffer | undefined => {
    try {
      return this.#db.getSync(key)
    } catch (error) {
      throw storeFailure(error, key)
    }
  }
}
