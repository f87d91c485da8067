import type { KeyObject } from 'node:crypto'
import { GatewayError } from '../../errors.js'
import { isRing, type KeyInfo, type KeyRow, type KeyRows } from '../../secrets/key-row.js'
import type { RingStore } from '../../secrets/ring-store.js'
import { unwrap, wrap } from '../../secrets/root-key.js'
import type { Link } from './link.js'

interface Row {
  readonly id: string
  readonly state: KeyRow['state']
  readonly created_at: string
  readonly retired_at: string | null
  readonly destroyed_at: string | null
  readonly material: Buffer | null
}

const SELECT = {
  name: 'ring 1',
  text: 'SELECT id, state, created_at, retired_at, destroyed_at, material FROM ring_key ORDER BY position'
}

/** Keeps the keys of a ring in the database, wrapped by the root key: for all gateways that have that. */
export class PostgresRing implements RingStore {
  readonly #link: Link
  readonly #reading: Link
  readonly #rootKey: KeyObject
  #given: string | undefined

  /**
   * Looks for other keys by `reading`, so that no request waits for a commit.
   * @throws `invalid_argument` where there is no root key
   */
  constructor (link: Link, reading: Link, rootKey: KeyObject | undefined) {
    if (rootKey === undefined) {
      throw new GatewayError(
        'invalid_argument',
        'ECTX_ROOT_KEY_FILE must be set too, since ECTX_STORE is a database: it wraps the keys that are kept there'
      )
    }
    this.#link = link
    this.#reading = reading
    this.#rootKey = rootKey
  }

  async read (): Promise<KeyRows | undefined> {
    const found = await this.#link.run<Row>(SELECT)
    return found.length === 0 ? undefined : this.#opened(found)
  }

  async begin (first: KeyRows | undefined): Promise<void> {
    if (first !== undefined) await this.#store([], first)
    if ((await this.#link.run<Row>(SELECT)).length === 0) throw missing()
  }

  async change (edit: (rows: KeyRows) => KeyRows): Promise<void> {
    for (;;) {
      const found = await this.#link.run<Row>(SELECT)
      if (found.length === 0) throw missing()
      const before = this.#opened(found)
      const after = edit(before)
      if (after === before || await this.#store(before, after)) return
    }
  }

  /** Has `rootKey` wrap the ring from now on: whoever uses it must have that one then. @throws `unavailable` */
  async rewrap (rootKey: KeyObject): Promise<void> {
    for (;;) {
      const found = await this.#link.run<Row>(SELECT)
      if (found.length === 0) throw missing()
      const rows = this.#opened(found)
      const [row] = await this.#link.run<{ stored: boolean }>({
        text: 'SELECT rewrap_ring($1::text[], $2::bytea[]) AS stored',
        values: [rows.map(told), rows.map(row => wrapped(rootKey, rows, row))]
      })
      if (row?.stored === true) return
    }
  }

  async readIfChanged (): Promise<KeyRows | undefined> {
    const given = this.#given
    // Whoever was told of a failure asks for all when that is over.
    this.#given = undefined
    const found = await this.#reading.run<Row>(SELECT)
    if (found.length === 0) throw missing()
    const text = JSON.stringify(found)
    if (text === given) {
      this.#given = given
      return undefined
    }
    const rows = this.#opened(found)
    this.#given = text
    return rows
  }

  /** Puts `after` in the place of `before`. Answers whether it did: not where another gateway changed the ring meanwhile. */
  async #store (before: KeyRows, after: KeyRows): Promise<boolean> {
    const [row] = await this.#link.run<{ stored: boolean }>({
      name: 'change ring 1',
      text: 'SELECT change_ring($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[]) AS stored',
      values: [
        before.map(told),
        after.map(({ id }) => id),
        after.map(({ state }) => state),
        after.map(row => row.created_at),
        after.map(row => timesOf(row).retired),
        after.map(row => timesOf(row).destroyed),
        after.map(row => wrapped(this.#rootKey, after, row))
      ]
    })
    return row?.stored === true
  }

  #opened (rows: readonly Row[]): KeyRows {
    const infos = rows.map(infoOf)
    const keys = rows.map((row, index) => this.#keyOf(row, infos[index]!, infos))
    if (!isRing(keys)) throw unusable('is damaged: restore the database from a backup')
    return keys
  }

  #keyOf ({ material }: Row, key: KeyInfo, ring: readonly KeyInfo[]): KeyRow {
    if (key.state === 'destroyed') return key
    try {
      return { ...key, material: unwrap(this.#rootKey, ring, key.id, material!).toString('base64') }
    } catch {
      throw unusable('is wrapped by another root key, or was changed: set ECTX_ROOT_KEY_FILE to the one it was wrapped by, or restore it')
    }
  }
}

const wrapped = (rootKey: KeyObject, ring: KeyRows, row: KeyRow): Buffer | null =>
  row.state === 'destroyed' ? null : wrap(rootKey, ring, row.id, Buffer.from(row.material, 'base64'))

/** What is not null is there, as the table's rules say of each state. */
const infoOf = ({ material, ...row }: Row): KeyInfo =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as unknown as KeyInfo

/** All of a key but its material, in one text. */
function told (row: KeyRow): string {
  const { retired, destroyed } = timesOf(row)
  return [row.id, row.state, row.created_at, retired, destroyed].filter(value => value !== null).join(' ')
}

const timesOf = (row: KeyRow) => ({
  retired: 'retired_at' in row ? row.retired_at : null,
  destroyed: 'destroyed_at' in row ? row.destroyed_at : null
})

const unusable = (why: string) => new GatewayError('unavailable', `the key ring in the database ${why}`)
const missing = () => unusable('is missing: restore it from a backup, or begin another by npm run keys -- begin')
