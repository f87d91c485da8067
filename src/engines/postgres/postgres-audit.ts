import type { AuditLog, AuditPage, AuditQuery } from '../../audit/audit-log.js'
import { hashOf, lostEvents, type AuditEvent } from '../../audit/event.js'
import { PageSize } from '../../audit/page-size.js'
import { closed, unknownPageToken } from '../../audit/refusals.js'
import type { Sink } from '../../audit/sink.js'
import type { LogEnd } from '../../audit/signed-head.js'
import { Unproved, type Tell } from '../../audit/unproved.js'
import type { Clock } from '../../clock.js'
import { GatewayError } from '../../errors.js'
import type { Link } from './link.js'
import type { PostgresWriter, Timed } from './postgres-writer.js'

interface Row {
  readonly gateway: string
  readonly sequence: string
  readonly time: string
  readonly line: string
  /** The hash that the line behind it has for it, or the end of its chain. */
  readonly next: string | null
}

const TOKEN = /^(\d{1,16}) (\d{1,16}) ([\w.-]{1,253})$/
const MOST_IN_MEMORY = 100_000
const MOST_AT_ONCE = 10_000
const RETRY_MS = 2_000

/**
 * The audit log in the database: lines become durable by the very statement that makes a change, or commits a reveal. Each gateway has
 * its own chain; whoever asks finds the events of all.
 */
export class PostgresAudit implements AuditLog {
  readonly #writer: PostgresWriter
  readonly #reading: Link
  readonly #gateway: string
  readonly #clock: Clock
  readonly #warn: Tell
  readonly #sink: Sink | undefined
  readonly #unproved: Unproved
  /** What nobody waits for, until it is given to the writer. */
  #inMemory: Timed[] = []
  #lost = 0
  /** Settled when all is that was given to the writer so far. */
  #writing: Promise<unknown> = Promise.resolve()
  #isFailing = false
  #closing: Promise<void> | undefined

  /** The log must close before `writer` does; it closes neither that nor `reading`. */
  constructor (writer: PostgresWriter, reading: Link, gateway: string, clock: Clock, warn: Tell, sink: Sink | undefined) {
    this.#writer = writer
    this.#reading = reading
    this.#gateway = gateway
    this.#clock = clock
    this.#warn = warn
    this.#sink = sink
    this.#unproved = new Unproved(warn)
  }

  /** Nothing waits here that a change would not wait for too. */
  admit (): void {
    if (this.#closing !== undefined) throw closed()
    this.#sink?.admit()
  }

  async record (event: AuditEvent): Promise<void> {
    this.admit()
    this.#write()
    await this.#writer.record([this.#timed(event)])
    if (this.#sink?.isRequired) await this.#writer.sent
  }

  recordEventually (event: AuditEvent): void {
    if (this.#closing !== undefined || this.#inMemory.length >= MOST_IN_MEMORY) {
      this.#lost++
      return
    }
    this.#inMemory.push(this.#timed(event))
    if (this.#inMemory.length === 1 && !this.#isFailing) setImmediate(() => this.#write())
  }

  async query (query: AuditQuery): Promise<AuditPage> {
    if (this.#closing !== undefined) throw closed()
    if (!this.#isFailing) this.#write()
    await this.#writing
    return this.#query(query)
  }

  async end (): Promise<LogEnd> {
    if (this.#closing !== undefined) throw closed()
    if (!this.#isFailing) this.#write()
    await this.#writing
    const [row] = await this.#reading.run<{ sequence: string, hash: string }>({
      text: 'SELECT sequence, hash FROM gateway WHERE name = $1', values: [this.#gateway]
    })
    if (row === undefined) throw new GatewayError('unavailable', 'the audit log has lost where it ends')
    return { gateway: this.#gateway, sequence: Number(row.sequence), hash: row.hash }
  }

  close (): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close (): Promise<void> {
    this.#write()
    await this.#writing
    const lost = this.#lost + this.#inMemory.length
    if (lost > 0) this.#warn(`${lost} events were lost, since the audit log cannot be written`)
  }

  #timed (event: AuditEvent): Timed {
    return { event, time: this.#clock.now() }
  }

  /** Gives what is in memory to the writer, behind all that it was given before. What cannot be written now is tried again later. */
  #write (): void {
    const batch = this.#inMemory.splice(0, MOST_AT_ONCE)
    const lost = this.#lost
    if (batch.length === 0 && lost === 0) return
    this.#lost = 0
    const events = lost === 0 ? batch : [...batch, this.#timed(lostEvents(lost, 'unavailable'))]
    const writing = this.#writer.record(events).then(() => this.#written(), cause => {
      this.#lost += lost
      this.#inMemory = [...batch, ...this.#inMemory].sort((a, b) => a.time - b.time)
      this.#failed(cause)
    })
    this.#writing = Promise.all([this.#writing, writing])
  }

  #written (): void {
    if (this.#isFailing) this.#warn('the audit log can be written again')
    this.#isFailing = false
    this.#write()
  }

  #failed (cause: unknown): void {
    if (!this.#isFailing) this.#warn('the audit log cannot be written; events that nobody waits for are kept in memory', cause)
    this.#isFailing = true
    if (this.#closing === undefined) setTimeout(() => this.#write(), RETRY_MS).unref()
  }

  async #query ({ contextId, executionId, pageSize, pageToken }: AuditQuery): Promise<AuditPage> {
    const [, time = '0', sequence = '0', gateway = ''] = pageToken === undefined ? [] : partsOf(pageToken)
    const values: unknown[] = [time, gateway, sequence, pageSize + 1]
    const parameter = (value: unknown) => `$${values.push(value)}`
    const rows = await this.#reading.run<Row>({
      text: `SELECT a.gateway, a.sequence, a.time, a.line, coalesce(
          (SELECT substring(left(n.line, 128) FROM '"previous":"([0-9a-f]{64})"') FROM audit n
            WHERE n.gateway = a.gateway AND n.sequence = a.sequence + 1 AND n.day >= a.day LIMIT 1),
          (SELECT g.hash FROM gateway g WHERE g.name = a.gateway AND g.sequence = a.sequence)) AS next
        FROM audit a WHERE (a.time, a.gateway, a.sequence) >= ($1::bigint, $2::text, $3::bigint)
        ${contextId === undefined ? '' : `AND a.context_id = ${parameter(contextId)}`}
        ${executionId === undefined ? '' : `AND a.execution_id = ${parameter(executionId)}`}
        ORDER BY a.time, a.gateway, a.sequence LIMIT $4`,
      values
    })
    const page = new PageSize(pageSize)
    const end = rows.findIndex(({ line }) => !page.takes(line.length))
    const shown = end === -1 ? rows : rows.slice(0, end)
    const unproved = shown.filter(({ line, next }) => hashOf(line) !== next)
    for (const { gateway, sequence } of unproved) this.#unproved.tell(`${gateway}, number ${sequence}`)
    const next = rows[shown.length]
    return {
      events: shown.map(({ line }) => JSON.parse(line)),
      verified: unproved.length === 0,
      nextPageToken: next && encoded(`${next.time} ${next.sequence} ${next.gateway}`)
    }
  }
}

const encoded = (text: string) => Buffer.from(text).toString('base64url')

/** What a token of ours says. @throws `invalid_argument` where it is none */
function partsOf (token: string): RegExpExecArray {
  const text = Buffer.from(token, 'base64url').toString()
  const parts = TOKEN.exec(text)
  if (parts === null || encoded(text) !== token) throw unknownPageToken()
  return parts
}
