import type { AuditLog, AuditPage, AuditQuery } from '../../audit/audit-log.js'
import { lostEvents, type AuditEvent } from '../../audit/event.js'
import { closed, unknownPageToken } from '../../audit/refusals.js'
import type { Clock } from '../../clock.js'
import type { Link } from './link.js'
import type { PostgresWriter, Timed } from './postgres-writer.js'

interface Row {
  readonly gateway: string
  readonly sequence: string
  readonly time: string
  readonly line: string
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
  readonly #clock: Clock
  readonly #warn: (message: string, cause?: unknown) => void
  /** What nobody waits for, until it is given to the writer. */
  #inMemory: Timed[] = []
  #lost = 0
  /** Settled when all is that was given to the writer so far. */
  #writing: Promise<unknown> = Promise.resolve()
  #isFailing = false
  #closing: Promise<void> | undefined

  /** The log must close before `writer` does; it closes neither that nor `reading`. */
  constructor (writer: PostgresWriter, reading: Link, clock: Clock, warn: (message: string, cause?: unknown) => void) {
    this.#writer = writer
    this.#reading = reading
    this.#clock = clock
    this.#warn = warn
  }

  /** Nothing waits here that a change would not wait for too. */
  admit (): void {
    if (this.#closing !== undefined) throw closed()
  }

  async record (event: AuditEvent): Promise<void> {
    this.admit()
    this.#write()
    await this.#writer.record([this.#timed(event)])
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
    this.admit()
    if (!this.#isFailing) this.#write()
    await this.#writing
    return this.#query(query)
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
      text: `SELECT gateway, sequence, time, line FROM audit WHERE (time, gateway, sequence) >= ($1::bigint, $2::text, $3::bigint)
        ${contextId === undefined ? '' : `AND context_id = ${parameter(contextId)}`}
        ${executionId === undefined ? '' : `AND execution_id = ${parameter(executionId)}`}
        ORDER BY time, gateway, sequence LIMIT $4`,
      values
    })
    const next = rows[pageSize]
    return {
      events: rows.slice(0, pageSize).map(({ line }) => JSON.parse(line)),
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
