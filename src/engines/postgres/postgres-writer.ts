import { randomUUID } from 'node:crypto'
import { describe, type AuditEvent } from '../../audit/event.js'
import type { Sink } from '../../audit/sink.js'
import type { Clock } from '../../clock.js'
import { GatewayError } from '../../errors.js'
import { closed } from '../../storage/refusals.js'
import type { StoreEvent } from '../../storage/feed.js'
import type { Along, StoredRecord } from '../../storage/store.js'
import { Batcher } from './batcher.js'
import { bigints, byteas, integers, texts } from './binary-array.js'
import type { Link } from './link.js'
import type { PostgresFeed } from './postgres-feed.js'

type Op = 'insert' | 'first' | 'more' | 'replace' | 'renew' | 'remove' | 'expire' | 'nothing'

/** One change as `commit_changes` takes it; the record is whole where one is stored. */
export interface Step {
  readonly op: Op
  readonly record: Pick<StoredRecord, 'kind' | 'id' | 'expireTime'> & Partial<StoredRecord>
  /** The revisions that the record may have. */
  readonly wanted?: readonly number[] | undefined
}

export type Steps = readonly [Step, ...Step[]]

/** An audit event, and when it happened. */
export interface Timed {
  readonly event: AuditEvent
  /** Milliseconds since 1970. */
  readonly time: number
}

interface Change {
  readonly steps: Steps
  readonly events: readonly StoreEvent[]
  readonly audit: readonly Timed[]
}

const COMMIT = {
  name: 'commit_changes 1',
  text: `SELECT commit_changes($1, $2, ${Array.from({ length: 21 }, (_, index) => `$${index + 3}`).join(', ')}) AS outcomes`
}
const EMPTY: StoredRecord = { kind: '', id: '', scope: '', indexed: {}, revision: 0, body: new Uint8Array() }
/** Changes nothing, but by the same statement and as durably as any change. */
const NOTHING: Step = { op: 'nothing', record: EMPTY }

/**
 * Writes what waits in one turn as one statement, which is one commit, with the audit events that come along. Its nonce tells whether it
 * was committed, where the connection was lost before the answer came: so each change is made once, and its caller is told what really
 * happened.
 */
export class PostgresWriter {
  readonly #link: Link
  readonly #gateway: string
  readonly #clock: Clock
  readonly #feed: Pick<PostgresFeed, 'committed'>
  readonly #batches = new Batcher<Change, string>(changes => this.#commit(changes))
  readonly #sink: Sink | undefined
  #open = true
  /** Settled when the sink has all that was committed. */
  sent: Promise<void> | undefined

  constructor (link: Link, gateway: string, clock: Clock, feed: Pick<PostgresFeed, 'committed'>, sink?: Sink) {
    this.#link = link
    this.#gateway = gateway
    this.#clock = clock
    this.#feed = feed
    this.#sink = sink
  }

  /** Resolves with what the last of the steps came to when that is durable: `ok`, or why not. */
  async apply (steps: Steps, { events = [], audit = [] }: Along = {}): Promise<string> {
    const time = this.#clock.now()
    return this.#ask({ steps, events, audit: audit.map(event => ({ event, time })) })
  }

  /** Resolves when the events are lines of the gateway's chain, in their order. */
  async record (audit: readonly Timed[]): Promise<void> {
    await this.#ask({ steps: [NOTHING], events: [], audit })
  }

  /** Resolves when a change would be durable now. */
  async ready (): Promise<void> {
    await this.record([])
  }

  async close (): Promise<void> {
    this.#open = false
    await this.#batches.settled()
  }

  async #ask (change: Change): Promise<string> {
    if (!this.#open) throw closed()
    return this.#batches.ask(change)
  }

  async #commit (changes: readonly Change[]): Promise<string[]> {
    const steps: Step[] = []
    const lastOf = new Map<Change, number>()
    for (const change of changes.toSorted(byLocks)) {
      steps.push(...change.steps)
      // Counted from 1 as PostgreSQL does: what comes along depends on the last step of its change.
      lastOf.set(change, steps.length)
    }
    const lasts = changes.map(change => lastOf.get(change)!)
    const records = steps.map(({ record }) => ({ ...EMPTY, ...record }))
    const events = changes.flatMap(({ events }, index) => events.map(event => ({ ...event, op: lasts[index]! })))
    const audit = changes.flatMap(({ audit }, index) => audit.map(({ event, time }) => ({ event, time, op: lasts[index]! })))
    const descriptions = audit.map(({ event, time }) => describe(event, time))
    const [row] = await this.#link.run<{ outcomes: string[] }>({
      ...COMMIT,
      values: [
        this.#gateway,
        randomUUID(),
        texts(steps.map(({ op }) => op)),
        texts(records.map(({ kind }) => kind)),
        texts(records.map(({ id }) => id)),
        texts(records.map(({ scope }) => scope)),
        texts(records.map(({ slug }) => slug ?? null)),
        texts(records.map(({ indexed }) => JSON.stringify(indexed))),
        bigints(records.map(({ expireTime }) => expireTime ?? null)),
        byteas(records.map(({ expireProof }) => expireProof ?? null)),
        texts(records.map(({ sealedBy }) => sealedBy ?? null)),
        bigints(records.map(({ revision }) => revision)),
        byteas(records.map(({ body }) => body)),
        texts(steps.map(({ wanted }) => wanted?.join(' ') ?? null)),
        integers(events.map(({ op }) => op)),
        texts(events.map(({ kind }) => kind)),
        texts(events.map(({ id }) => id)),
        byteas(events.map(({ data }) => Buffer.from(data))),
        integers(audit.map(({ op }) => op)),
        bigints(audit.map(({ time }) => time)),
        texts(audit.map(({ event }) => event.context_id ?? null)),
        texts(audit.map(({ event }) => event.execution_id ?? null)),
        texts(descriptions)
      ]
    })
    if (row === undefined) throw new GatewayError('internal', 'the database answered nothing')
    if (events.some(({ op }) => row.outcomes[op - 1] === 'ok')) this.#feed.committed()
    const isMade = audit.map(({ op }) => row.outcomes[op - 1] === 'ok')
    const lines = descriptions.filter((_, index) => isMade[index])
    this.sent = this.#sink?.send('event', lines.map(line => `{"gateway":"${this.#gateway}",${line}`))
    return lasts.map(last => row.outcomes[last - 1]!)
  }
}

/** All batches take their locks in this order, so that none of two waits for the other: those of records that are there, then of slugs. */
function byLocks (a: Change, b: Change): number {
  const [first, second] = [lockOf(a), lockOf(b)]
  return first < second ? -1 : first > second ? 1 : 0
}

const lockOf = ({ steps: [{ op, record: { kind, scope = '', slug = '', id } }] }: Change): string =>
  op === 'insert' || op === 'first' ? `1 ${kind}\0${scope}\0${slug}\0${id}` : `0 ${kind}\0${id}`
