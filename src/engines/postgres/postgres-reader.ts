import { passes } from '../../storage/filter.js'
import type { Filter, Page, StoredRecord } from '../../storage/store.js'
import { Batcher } from './batcher.js'
import type { Link } from './link.js'

/** A row of `COLUMNS`. */
interface Row {
  readonly kind: string
  readonly id: string
  readonly scope: string
  readonly slug: string | null
  readonly indexed: string
  readonly expire_time: string | null
  readonly expire_proof: Buffer | null
  readonly sealed_by: string | null
  readonly revision: string
  readonly body: Buffer
}

// Any number that no other program has for its own locks.
const SWEEP_LOCK = 0x65637473

// What one page may cost: the rest follows on the next.
const MOST_LOOKED_AT = 5_000
const MOST_BYTES = 8 * 1024 * 1024

const COLUMNS = 'r.kind, r.id, r.scope, r.slug, r.indexed, l.expire_time, l.expire_proof, r.sealed_by, r.revision, r.body'
const LIVE = '(l.expire_time IS NULL OR l.expire_time > now_ms())'

const toRecord = ({
  kind, id, scope, slug, indexed, expire_time: time, expire_proof: proof, sealed_by: sealedBy, revision, body
}: Row): StoredRecord => ({
  kind,
  id,
  scope,
  slug: slug ?? undefined,
  indexed: JSON.parse(indexed),
  expireTime: time === null ? undefined : Number(time),
  expireProof: proof ?? undefined,
  sealedBy: sealedBy ?? undefined,
  revision: Number(revision),
  body
})

interface Asked {
  readonly kind: string
  readonly id?: string
  readonly scope?: string
  readonly slug?: string
}

/** Reads records: those that are asked for in one turn by one statement. */
export class PostgresReader {
  readonly #link: Link
  readonly #byId = new Batcher<Asked, StoredRecord | undefined>(async asked => this.#inOrder(asked, {
    name: 'find 1',
    text: `SELECT a.place, ${COLUMNS} FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (kind, id, place)
      JOIN record r ON r.kind = a.kind AND r.id = a.id JOIN life l ON l.kind = r.kind AND l.id = r.id WHERE ${LIVE}`,
    values: [asked.map(({ kind }) => kind), asked.map(({ id }) => id)]
  }))

  readonly #bySlug = new Batcher<Asked, StoredRecord | undefined>(async asked => this.#inOrder(asked, {
    name: 'findBySlug 1',
    text: `SELECT a.place, ${COLUMNS} FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS a (kind, scope, slug, place)
      JOIN record r ON r.kind = a.kind AND r.scope = a.scope AND r.slug = a.slug AND r.holds_slug
      JOIN life l ON l.kind = r.kind AND l.id = r.id WHERE ${LIVE}`,
    values: [asked.map(({ kind }) => kind), asked.map(({ scope }) => scope), asked.map(({ slug }) => slug)]
  }))

  constructor (link: Link) {
    this.#link = link
  }

  find = (kind: string, id: string): Promise<StoredRecord | undefined> => this.#byId.ask({ kind, id })

  findBySlug = (kind: string, scope: string, slug: string): Promise<StoredRecord | undefined> => this.#bySlug.ask({ kind, scope, slug })

  /** As `Store.page`. */
  async page (kind: string, filter: Filter, cursor: string | undefined, limit: number): Promise<Page> {
    const { indexed = [], expiresBefore } = filter
    const values: unknown[] = [kind, cursor ?? null, expiresBefore ?? null, limit + 1]
    const parameter = (value: unknown) => `$${values.push(value)}`
    const [leading, ...others] = indexed.map(({ attribute, value }, at) =>
      `a${at}.kind = $1 AND a${at}.attribute = ${parameter(attribute)} AND a${at}.value = ${parameter(value)}`)
    // The first leads, by its index; the others are looked up for each.
    const candidates = `SELECT id FROM ${leading === undefined ? 'record a0 WHERE a0.kind = $1' : `attribute a0 WHERE ${leading}`}
      AND ($2::text IS NULL OR id < $2) ORDER BY id DESC`
    const joined = others.map((other, at) => `JOIN attribute a${at + 1} ON a${at + 1}.id = c.id AND ${other}`)
    const rows = await this.#link.run<Partial<Row> & { total: string, last: string | null }>({
      text: `WITH found AS MATERIALIZED (
          SELECT ${COLUMNS} FROM (${candidates} LIMIT ${MOST_LOOKED_AT}) c ${joined.join(' ')}
            JOIN record r ON r.kind = $1 AND r.id = c.id JOIN life l ON l.kind = r.kind AND l.id = r.id
            WHERE ${LIVE} AND ($3::bigint IS NULL OR l.expire_time < $3) ORDER BY c.id DESC LIMIT $4),
        measured AS (SELECT found.*, sum(octet_length(body)) OVER (ORDER BY id DESC) - octet_length(body) AS before FROM found)
        SELECT m.*, n.total, CASE WHEN n.total < $4 THEN (${candidates} OFFSET ${MOST_LOOKED_AT - 1} LIMIT 1) END AS last
          FROM (SELECT count(*) AS total FROM found) n LEFT JOIN measured m ON m.before < ${MOST_BYTES} ORDER BY m.id DESC`,
      values
    })
    const [{ total, last } = { total: '0', last: null }] = rows
    const found = rows.flatMap(row => row.id === undefined || row.id === null ? [] : toRecord(row as Row)).slice(0, limit)
    return {
      // Somebody may have changed the index.
      records: found.filter(record => passes(record, filter)),
      damaged: [],
      cursor: found.length < Number(total) ? found.at(-1)?.id : last ?? undefined
    }
  }

  /** Does `sweep` where no other gateway sweeps; `undefined` where one does. */
  async alone<T> (sweep: () => Promise<T>): Promise<T | undefined> {
    const [row] = await this.#link.run<{ taken: boolean }>({
      text: 'SELECT pg_try_advisory_lock($1, hashtext(current_schema())) AS taken', values: [SWEEP_LOCK]
    })
    if (row?.taken !== true) return undefined
    try {
      return await sweep()
    } finally {
      await this.#link.run({ text: 'SELECT pg_advisory_unlock($1, hashtext(current_schema()))', values: [SWEEP_LOCK] })
    }
  }

  /** Up to `limit` that have expired, the first to expire first. */
  async expired (limit: number): Promise<StoredRecord[]> {
    const rows = await this.#link.run<Row>({
      name: 'expired 1',
      text: `SELECT ${COLUMNS} FROM life l JOIN record r USING (kind, id) WHERE l.expire_time <= now_ms()
        ORDER BY l.expire_time, l.kind, l.id LIMIT $1`,
      values: [limit]
    })
    return rows.map(toRecord)
  }

  /** The keys that seal something. */
  keysInUse (): Promise<ReadonlySet<string>> {
    return this.#valuesOf('sealed_by')
  }

  /** The kinds that there is a record of. */
  kinds (): Promise<ReadonlySet<string>> {
    return this.#valuesOf('kind')
  }

  /** The values in an indexed column: each is found at one place of the index, and the next behind all of it. */
  async #valuesOf (column: 'kind' | 'sealed_by'): Promise<ReadonlySet<string>> {
    const rows = await this.#link.run<{ value: string }>({
      name: `values of ${column} 1`,
      text: `WITH RECURSIVE found AS (
          SELECT min(${column}) AS value FROM record
          UNION ALL SELECT (SELECT min(${column}) FROM record WHERE ${column} > found.value) FROM found WHERE found.value IS NOT NULL)
        SELECT value FROM found WHERE value IS NOT NULL`
    })
    return new Set(rows.map(({ value }) => value))
  }

  async #inOrder (asked: readonly Asked[], query: { name: string, text: string, values: unknown[] }) {
    const found = new Array<StoredRecord | undefined>(asked.length).fill(undefined)
    for (const row of await this.#link.run<Row & { place: string }>(query)) found[Number(row.place) - 1] = toRecord(row)
    return found
  }
}
