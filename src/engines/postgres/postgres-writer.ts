import { randomUUID } from 'node:crypto'
import { describe } from '../../audit/event.js'
import type { Clock } from '../../clock.js'
import { GatewayError } from '../../errors.js'
import { closed } from '../../storage/refusals.js'
import type { Along, StoredRecord } from '../../storage/store.js'
import { Batcher } from './batcher.js'
import type { Link } from './link.js'

type Op = 'insert' | 'second' | 'replace' | 'renew' | 'remove' | 'expire' | 'along'

/** One change as `commit_changes` takes it; the record is whole where one is stored. */
export interface Step {
  readonly op: Op
  readonly record: Pick<StoredRecord, 'kind' | 'id' | 'expireTime'> & Partial<StoredRecord>
  /** The revisions that the record may have. */
  readonly wanted?: readonly number[] | undefined
}

interface Change {
  readonly steps: readonly Step[]
  readonly along: Along
}

const COMMIT = {
  name: 'commit_changes 1',
  text: `SELECT outcomes, committed FROM commit_changes($1, $2, $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::bigint[], $10::text[], $11::bigint[], $12::bytea[], $13::text[], $14::int[], $15::text[], $16::text[], $17::bytea[],
    $18::int[], $19::text[])`
}
const NOTHING: StoredRecord = { kind: '', id: '', scope: '', indexed: {}, revision: 0, body: new Uint8Array() }

/**
 * Writes what waits in one turn as one statement, which is one commit. Its nonce tells whether it was committed, where the connection
 * was lost before the answer came: so each change is made once, and its caller is told what really happened.
 */
export class PostgresWriter {
  readonly #link: Link
  readonly #gateway: string
  readonly #clock: Clock
  readonly #committed: (last: number) => void
  readonly #batches = new Batcher<Change, string>(changes => this.#commit(changes))
  #open = true

  /** `committed` is told how many audit events the gateway has committed, ever, whenever there are more. */
  constructor (link: Link, gateway: string, clock: Clock, committed: (last: number) => void) {
    this.#link = link
    this.#gateway = gateway
    this.#clock = clock
    this.#committed = committed
  }

  /** Resolves with what the last of the steps came to when that is durable: `ok`, or why not. */
  async apply (steps: readonly Step[], along: Along = {}): Promise<string> {
    if (!this.#open) throw closed()
    return this.#batches.ask({ steps, along })
  }

  async close (): Promise<void> {
    this.#open = false
    await this.#batches.settled()
  }

  async #commit (changes: readonly Change[]): Promise<string[]> {
    const steps = changes.flatMap(({ steps }) => steps)
    // The last step of each change, counted from 1 as PostgreSQL does: what comes along depends on that one.
    let count = 0
    const lasts = changes.map(change => { count += change.steps.length; return count })
    const events = changes.flatMap(({ along: { events = [] } }, index) => events.map(event => ({ ...event, op: lasts[index]! })))
    const audit = changes.flatMap(({ along: { audit = [] } }, index) => audit.map(event => ({
      op: lasts[index]!, description: describe(event, this.#clock.now())
    })))
    const records = steps.map(({ record }) => ({ ...NOTHING, ...record }))
    const [row] = await this.#link.run<{ outcomes: string[], committed: string }>({
      ...COMMIT,
      values: [
        this.#gateway,
        randomUUID(),
        steps.map(({ op }) => op),
        records.map(({ kind }) => kind),
        records.map(({ id }) => id),
        records.map(({ scope }) => scope),
        records.map(({ slug }) => slug ?? null),
        records.map(({ indexed }) => JSON.stringify(indexed)),
        records.map(({ expireTime }) => expireTime ?? null),
        records.map(({ sealedBy }) => sealedBy ?? null),
        records.map(({ revision }) => revision),
        records.map(({ body }) => Buffer.from(body.buffer, body.byteOffset, body.length)),
        steps.map(({ wanted }) => wanted?.join(' ') ?? null),
        events.map(({ op }) => op),
        events.map(({ kind }) => kind),
        events.map(({ id }) => id),
        events.map(({ data }) => Buffer.from(data)),
        audit.map(({ op }) => op),
        audit.map(({ description }) => description)
      ]
    })
    if (row === undefined) throw new GatewayError('internal', 'the database answered nothing')
    this.#committed(Number(row.committed))
    return lasts.map(last => row.outcomes[last - 1]!)
  }
}
