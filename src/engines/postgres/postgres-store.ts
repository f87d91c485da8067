import { GatewayError } from '../../errors.js'
import { closed, idTaken, slugTaken, staleRevision } from '../../storage/refusals.js'
import { removePage } from '../../storage/remove-page.js'
import type {
  Along, AlongRemoval, AlongStored, Filter, Life, Page, Removed, Store, StoredRecord, Swept
} from '../../storage/store.js'
import type { PostgresReader } from './postgres-reader.js'
import type { PostgresWriter, Step } from './postgres-writer.js'

/** Keeps records in a PostgreSQL database, for any number of gateways; expiry is by the database's clock. */
export class PostgresStore implements Store {
  readonly #reader: PostgresReader
  readonly #writer: PostgresWriter
  readonly #accepted = new Set<Promise<unknown>>()
  #open = true

  /** Closed, the store closes the writer. */
  constructor (writer: PostgresWriter, reader: PostgresReader) {
    this.#writer = writer
    this.#reader = reader
  }

  insert (record: StoredRecord, { records = [], ...along }: AlongStored = {}): Promise<void> {
    return this.#accept(async () => {
      const op = records.length === 0 ? 'insert' : 'first'
      this.#assertStored(await this.#writer.apply([{ op, record }, ...more(records)], along), record)
    })
  }

  find (kind: string, id: string): Promise<StoredRecord | undefined> {
    return this.#accept(() => this.#reader.find(kind, id))
  }

  findBySlug (kind: string, scope: string, slug: string): Promise<StoredRecord | undefined> {
    return this.#accept(() => this.#reader.findBySlug(kind, scope, slug))
  }

  replace (record: StoredRecord, revision: number, { records = [], ...along }: AlongStored = {}): Promise<void> {
    return this.#accept(async () => {
      const outcome = await this.#writer.apply([{ op: 'replace', record, wanted: [revision] }, ...more(records)], along)
      if (outcome === 'gone' || outcome === 'stale') throw staleRevision(record.id, revision)
      this.#assertStored(outcome, record)
    })
  }

  renew (kind: string, id: string, life: Life & { readonly expireTime: number }, along?: Along): Promise<boolean> {
    return this.#accept(async () => await this.#writer.apply([{ op: 'renew', record: { kind, id, ...life } }], along) === 'ok')
  }

  remove (
    kind: string, id: string, revisions?: readonly number[], along?: AlongRemoval
  ): Promise<StoredRecord | undefined> {
    return this.#accept(() => this.#remove(kind, id, revisions, along))
  }

  sweep (limit: number, along?: AlongRemoval): Promise<Swept> {
    return this.#accept(async () => {
      const removed = await this.#reader.alone(async () => {
        const expired = await this.#reader.expired(limit)
        return Promise.all(expired.map(async record => {
          const { kind, id, revision } = record
          const outcome = await this.#writer.apply([{ op: 'expire', record: { kind, id }, wanted: [revision] }], along?.(record))
          return outcome === 'ok' ? record : undefined
        }))
      })
      return { removed: removed?.filter(record => record !== undefined) ?? [], damaged: [] }
    })
  }

  page (kind: string, filter: Filter, cursor: string | undefined, limit: number): Promise<Page> {
    return this.#accept(() => this.#reader.page(kind, filter, cursor, limit))
  }

  removePage (kind: string, filter: Filter, cursor: string | undefined, limit: number, along?: AlongRemoval): Promise<Removed> {
    const reader = this.#reader
    const own = { page: reader.page.bind(reader), remove: this.#remove }
    return this.#accept(() => removePage(own, kind, filter, cursor, limit, along))
  }

  kinds (): Promise<ReadonlySet<string>> {
    return this.#accept(() => this.#reader.kinds())
  }

  keysInUse (): Promise<ReadonlySet<string>> {
    return this.#accept(() => this.#reader.keysInUse())
  }

  ready (): Promise<void> {
    return this.#accept(() => this.#writer.ready())
  }

  async close (): Promise<void> {
    this.#open = false
    await Promise.allSettled(this.#accepted)
    await this.#writer.close()
  }

  /** Does what was asked for before the store is closed, to its end, though that may take several statements. */
  async #accept<T> (work: () => Promise<T>): Promise<T> {
    if (!this.#open) throw closed()
    const working = work()
    this.#accepted.add(working)
    try {
      return await working
    } finally {
      this.#accepted.delete(working)
    }
  }

  readonly #remove = async (
    kind: string, id: string, revisions?: readonly number[], along?: AlongRemoval
  ): Promise<StoredRecord | undefined> => {
    for (;;) {
      const record = await this.#reader.find(kind, id)
      if (record === undefined) return undefined
      if (revisions !== undefined && !revisions.includes(record.revision)) throw staleRevision(id, ...revisions)
      // What comes along was made of this revision; where it is another by now, of that.
      const outcome = await this.#writer.apply([{ op: 'remove', record: { kind, id }, wanted: [record.revision] }], along?.(record))
      if (outcome === 'ok') return record
      if (outcome === 'gone') return undefined
    }
  }

  /** @throws what an insert or a replace that came to `outcome` is refused with */
  #assertStored (outcome: string, { slug = '' }: StoredRecord): void {
    if (outcome === 'ok') return
    const [what, holder = ''] = outcome.split(' ')
    switch (what) {
      case 'id': throw idTaken(holder)
      case 'slug': throw slugTaken(slug, holder)
      default: throw new GatewayError('unavailable', `the key '${holder}' was destroyed before what it sealed was stored; try again`)
    }
  }
}

const more = (records: readonly StoredRecord[]): Step[] => records.map(record => ({ op: 'more', record }))
