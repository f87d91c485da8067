import type pg from 'pg'
import { noPosition, trimmed, type Change, type Feed, type Keeping } from '../../storage/feed.js'
import type { Link } from './link.js'

const TRIMMED_AT_ONCE = 10_000
// A notification holds up every commit that brings one: so they are sent behind commits, and few.
const NOTIFY_MS = 20
const CHANNEL = 'ectx_feed'

interface Row {
  readonly trimmed_xid: string
  readonly trimmed_rev: string
  readonly is_ahead: boolean
  readonly xid: string | null
  readonly rev: string
  readonly time: string
  readonly kind: string
  readonly id: string
  readonly data: Buffer
}

/**
 * The feed in the database: in the order of the transactions that committed, of any gateway. Those of the same moment are told when all of
 * them have ended, so that nothing comes in behind what was told. That there are more is told by notifications, which may be lost.
 */
export class PostgresFeed implements Feed {
  readonly #link: Link
  readonly #keeping: Link
  readonly #schema: string
  readonly #listeners = new Set<() => void>()
  #notifying: NodeJS.Timeout | undefined

  constructor (link: Link, keeping: Link, schema: string) {
    this.#link = link
    this.#keeping = keeping
    this.#schema = schema
  }

  /** Has a connection hear of the changes of all gateways. */
  async hear (client: pg.Client): Promise<void> {
    client.on('notification', ({ payload }) => { if (payload === this.#schema) this.#tell() })
    await client.query(`LISTEN ${CHANNEL}`)
    // What came while there was none was missed.
    this.#tell()
  }

  /** This gateway has committed events. */
  committed (): void {
    this.#tell()
    this.#notifying ??= setTimeout(() => {
      this.#notifying = undefined
      const query = { name: 'notify 1', text: 'SELECT pg_notify($1, $2)', values: [CHANNEL, this.#schema] }
      // Who does not hear of it looks now and then.
      this.#link.run(query).catch(() => {})
    }, NOTIFY_MS).unref()
  }

  async changes (after: string | undefined, limit: number): Promise<readonly Change[]> {
    const [, xid = null, rev = null] = POSITION.exec(after ?? '') ?? []
    if (after !== undefined && (xid === null || BigInt(xid) >= MOST_XID || BigInt(rev!) >= MOST_REV)) throw noPosition()
    const rows = await this.#link.run<Row>({
      name: 'changes after 1',
      text: 'SELECT trimmed_xid::text, trimmed_rev, is_ahead, xid::text, rev, time, kind, id, data FROM changes_after($1, $2, $3)',
      // Leading noughts would make it octal.
      values: [xid && String(BigInt(xid)), rev, limit]
    })
    const { is_ahead: isAhead, trimmed_xid: trimmedXid, trimmed_rev: trimmedRev } = rows[0]!
    const oldest = positionOf(trimmedXid, trimmedRev)
    if (after !== undefined && after < oldest) throw trimmed(oldest)
    if (isAhead) throw noPosition()
    return rows.flatMap(({ xid, rev, time, kind, id, data }) =>
      xid === null ? [] : [{ position: positionOf(xid, rev), time: Number(time), event: { kind, id, data: data.toString() } }])
  }

  async last (): Promise<string> {
    const query = { name: 'last change 1', text: 'SELECT xid::text, rev FROM last_change()' }
    const [row] = await this.#link.run<{ xid: string, rev: string }>(query)
    return positionOf(row!.xid, row!.rev)
  }

  listen (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  async trim ({ ms, most }: Keeping): Promise<number> {
    for (let total = 0; ;) {
      const values = [ms, most, TRIMMED_AT_ONCE]
      const [row] = await this.#keeping.run<{ dropped: string }>({
        name: 'trim changes 1', text: 'SELECT trim_changes($1, $2, $3) AS dropped', values
      })
      const dropped = Number(row!.dropped)
      total += dropped
      if (dropped < TRIMMED_AT_ONCE) return total
    }
  }

  close (): void {
    clearTimeout(this.#notifying)
  }

  #tell (): void {
    for (const listener of this.#listeners) listener()
  }
}

const POSITION = /^(\d{20})-(\d{20})$/
const MOST_XID = 1n << 64n
const MOST_REV = 1n << 63n
const positionOf = (xid: string, rev: string) => `${xid.padStart(20, '0')}-${rev.padStart(20, '0')}`
