import type { Clock } from '../../clock.js'
import { GatewayError } from '../../errors.js'
import { closed, idTaken, slugTaken, staleRevision } from '../../storage/refusals.js'
import { removePage } from '../../storage/remove-page.js'
import type {
  Along, AlongNew, AlongRemoval, Change, Filter, Page, Removed, Store, StoredRecord, Swept
} from '../../storage/store.js'
import type { Link } from './link.js'
import { PostgresOutbox } from './postgres-outbox.js'
import { PostgresReader } from './postgres-reader.js'
import { PostgresWriter, type Step } from './postgres-writer.js'

/** Changes nothing, but by the same statement and as durably as any change; something may come along. */
const NOTHING: Step = { op: 'along', record: { kind: '', id: '' } }

/** Keeps records in a PostgreSQL database, for any number of gateways; expiry is by the database's clock. */
export class PostgresStore implements Store {
  readonly outbox: PostgresOutbox
  readonly #reading: Link
  readonly #reader: PostgresReader
  readonly #writer: PostgresWriter
  #open = true

  /** `writing` and `reading` are two connections, so that no read waits for a commit. The store closes neither. */
  constructor (writing: Link, reading: Link, gateway: string, clock: Clock) {
    this.#reading = reading
    this.#reader = new PostgresReader(reading)
    this.#writer = new PostgresWriter(writing, gateway, clock, last => this.outbox.committed(last))
    this.outbox = new PostgresOutbox(gateway, reading, event => this.#apply([NOTHING], { audit: [event] }))
  }

  async insert (record: StoredRecord, { record: second, ...along }: AlongNew = {}): Promise<void> {
    const steps: Step[] = [{ op: 'insert', record }, ...second === undefined ? [] : [{ op: 'second' as const, record: second }]]
    this.#assertStored(await this.#apply(steps, along), record)
  }

  async find (kind: string, id: string): Promise<StoredRecord | undefined> {
    this.#assertOpen()
    return this.#reader.find(kind, id)
  }

  async findBySlug (kind: string, scope: string, slug: string): Promise<StoredRecord | undefined> {
    this.#assertOpen()
    return this.#reader.findBySlug(kind, scope, slug)
  }

  async replace (record: StoredRecord, revision: number, along?: Along): Promise<void> {
    const outcome = await this.#apply([{ op: 'replace', record, wanted: [revision] }], along)
    if (outcome === 'gone' || outcome === 'stale') throw staleRevision(record.id, revision)
    this.#assertStored(outcome, record)
  }

  async renew (kind: string, id: string, expireTime: number, along?: Along): Promise<boolean> {
    return await this.#apply([{ op: 'renew', record: { kind, id, expireTime } }], along) === 'ok'
  }

  async remove (
    kind: string, id: string, revisions?: readonly number[], along?: AlongRemoval
  ): Promise<StoredRecord | undefined> {
    for (;;) {
      const record = await this.find(kind, id)
      if (record === undefined) return undefined
      if (revisions !== undefined && !revisions.includes(record.revision)) throw staleRevision(id, ...revisions)
      // What comes along was made of this revision; where it is another by now, of that.
      const outcome = await this.#apply([{ op: 'remove', record: { kind, id }, wanted: [record.revision] }], along?.(record))
      if (outcome === 'ok') return record
      if (outcome === 'gone') return undefined
    }
  }

  async sweep (limit: number, along?: AlongRemoval): Promise<Swept> {
    this.#assertOpen()
    const expired = await this.#reader.expired(limit)
    const removed = await Promise.all(expired.map(async record => {
      const { kind, id, revision } = record
      const outcome = await this.#apply([{ op: 'expire', record: { kind, id }, wanted: [revision] }], along?.(record))
      return outcome === 'ok' ? record : undefined
    }))
    return { removed: removed.filter(record => record !== undefined), damaged: [] }
  }

  async page (kind: string, filter: Filter, cursor: string | undefined, limit: number): Promise<Page> {
    this.#assertOpen()
    const found = await this.#reader.page(kind, filter, cursor, limit + 1)
    const records = found.slice(0, limit)
    return { records, damaged: [], cursor: found.length > limit ? records.at(-1)?.id : undefined }
  }

  removePage (kind: string, filter: Filter, cursor: string | undefined, limit: number, along?: AlongRemoval): Promise<Removed> {
    return removePage(this, kind, filter, cursor, limit, along)
  }

  async changes (after: string | undefined, limit: number): Promise<readonly Change[]> {
    this.#assertOpen()
    const [xid = '0', rev = '0'] = after?.split('-') ?? []
    const rows = await this.#reading.run<{ xid: string, rev: string, kind: string, id: string, data: Buffer }>({
      name: 'changes 1',
      // What is before the oldest transaction that still runs: behind it nothing can come in any more.
      text: `SELECT c.xid::text, c.rev::text, c.kind, c.id, c.data FROM change c
        WHERE (c.xid, c.rev) > ($1::xid8, $2::bigint) AND c.xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY c.xid, c.rev LIMIT $3`,
      values: [String(BigInt(xid)), String(BigInt(rev)), limit]
    })
    return rows.map(({ xid, rev, kind, id, data }) => ({ kind, id, data, position: `${xid.padStart(20, '0')}-${rev.padStart(20, '0')}` }))
  }

  async keysInUse (): Promise<ReadonlySet<string>> {
    this.#assertOpen()
    return this.#reader.keysInUse()
  }

  async ready (): Promise<void> {
    await this.#apply([NOTHING])
  }

  async close (): Promise<void> {
    this.#open = false
    await this.#writer.close()
    await this.#reader.settled()
  }

  #apply (steps: readonly Step[], along?: Along): Promise<string> {
    return this.#writer.apply(steps, along)
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

  #assertOpen (): void {
    if (!this.#open) throw closed()
  }
}
