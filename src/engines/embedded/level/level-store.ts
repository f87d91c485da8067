import { Level } from 'level'
import type { AuditOutbox } from '../../../audit/audit-outbox.js'
import { systemClock, type Clock } from '../../../clock.js'
import { makeDirectory } from '../../../files/make-directory.js'
import { closed, damaged } from '../../../storage/refusals.js'
import { removePage } from '../../../storage/remove-page.js'
import type {
  Along, AlongNew, AlongRemoval, Change, Filter, Life, Page, Removed, Store, StoredRecord, Swept
} from '../../../storage/store.js'
import type { Reserve } from '../reserve.js'
import { LevelChanges, put, type Change as LevelChange } from './level-changes.js'
import { cannotOpen, isOutOfRoom, storeFailure } from './level-errors.js'
import { assertFormat } from './level-format.js'
import { LevelGate } from './level-gate.js'
import { READY_KEY, TREES_KEY } from './level-keys.js'
import { LevelLog } from './level-log.js'
import { readKeysInUse, readKinds, readPage } from './level-lists.js'
import { readHolder, readRecord, together } from './level-reader.js'
import { LevelSweeper } from './level-sweeper.js'
import { LevelWriter } from './level-writer.js'

// Four times LevelDB's own: larger tables are merged less often, which spares a create a fifth of its processor time.
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024
const EMPTY = Buffer.alloc(0)

/** Keeps records in an embedded LevelDB, which one process at a time can open. */
export class LevelStore implements Store {
  readonly #db: Level<string, Buffer>
  readonly #changes: LevelChanges
  readonly #log: LevelLog
  readonly #writer: LevelWriter
  readonly #sweeper: LevelSweeper
  readonly #gate = new LevelGate()
  readonly #reserve: Reserve | undefined
  #closing: Promise<void> | undefined

  private constructor (db: Level<string, Buffer>, clock: Clock, reserve?: Reserve) {
    this.#db = db
    this.#changes = new LevelChanges(clock)
    this.#log = new LevelLog({ db, clock, apply: decided => this.#apply(() => decided), guarded: read => this.#guarded(read) })
    this.#reserve = reserve
    this.#writer = new LevelWriter(db, this.#gate, this.#get, this.#log, reserve)
    this.#sweeper = new LevelSweeper({
      db,
      clock,
      changes: this.#changes,
      apply: change => this.#apply(change),
      guarded: read => this.#guarded(read)
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
    let db: Level<string, Buffer> | undefined
    try {
      await makeDirectory(directory)
      db = new Level(directory, { valueEncoding: 'buffer', writeBufferSize: WRITE_BUFFER_BYTES })
      await db.open()
      await assertFormat(db)
      const store = new LevelStore(db, clock, reserve)
      await store.#log.load()
      return store
    } catch (error) {
      await db?.close()
      throw cannotOpen(directory, error)
    }
  }

  /** The audit events that came along with changes, until they are kept elsewhere. */
  get outbox (): AuditOutbox {
    return this.#log
  }

  async insert (record: StoredRecord, along?: AlongNew): Promise<void> {
    if (this.#reserve?.isFull) await this.#reserve.admit()
    return this.#apply(this.#changes.insert(record, along))
  }

  async find (kind: string, id: string): Promise<StoredRecord | undefined> {
    if (this.#mustWait) await this.#passage()
    const record = together(() => readRecord(this.#get, kind, id))
    return record !== undefined && this.#changes.isLive(record) ? record : undefined
  }

  async findBySlug (kind: string, scope: string, slug: string): Promise<StoredRecord | undefined> {
    if (this.#mustWait) await this.#passage()
    return together(() => {
      const id = readHolder(this.#get, kind, scope, slug)
      if (id === undefined) return undefined
      const record = readRecord(this.#get, kind, id)
      if (record?.slug !== slug || record.scope !== scope) throw damaged(id)
      return this.#changes.isLive(record) ? record : undefined
    })
  }

  async replace (record: StoredRecord, revision: number, along?: Along): Promise<void> {
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
    return this.#guarded(() => readPage(this.#db, kind, filter, cursor, limit, this.#changes.isLive))
  }

  removePage (kind: string, filter: Filter, cursor: string | undefined, limit: number, along?: AlongRemoval): Promise<Removed> {
    return removePage(this, kind, filter, cursor, limit, along)
  }

  changes (after: string | undefined, limit: number): Promise<readonly Change[]> {
    return this.#log.changes(after, limit)
  }

  kinds (): Promise<ReadonlySet<string>> {
    return this.#guarded(() => readKinds(this.#db))
  }

  keysInUse (): Promise<ReadonlySet<string>> {
    return this.#guarded(() => readKeysInUse(this.#db))
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
    if (this.#reserve?.isFull) await this.#reserve.admit()
    return this.#apply(() => ({ writes: [put(READY_KEY, EMPTY)], result: undefined }))
  }

  close (): Promise<void> {
    this.#closing ??= this.#writer.close().then(() => this.#gate.alone(() => this.#db.close()))
    return this.#closing
  }

  #apply<Result> (change: LevelChange<Result>): Promise<Result> {
    return this.#writer.apply(change)
  }

  get #mustWait (): boolean {
    return this.#closing !== undefined || this.#gate.shut
  }

  /** Resolves when the database has reopened. */
  async #passage (): Promise<void> {
    if (this.#closing !== undefined) throw closed()
    await this.#gate.read(async () => {})
  }

  async #guarded<T> (read: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw closed()
    return this.#gate.read(read)
  }

  /**
   * Reads in this thread. LevelDB answers from memory or the page cache in microseconds, and to hand that to another
   * thread, even many reads at once, gained nothing when measured. A read that must go to the disk holds up the others.
   * @throws `unavailable`, or `internal` naming what is damaged
   */
  readonly #get = (key: string): Buffer | undefined => {
    try {
      return this.#db.getSync(key)
    } catch (error) {
      throw storeFailure(error, key)
    }
  }
}
