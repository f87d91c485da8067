import { Stall, systemClock, type Clock } from '../clock.js'
import { GatewayError } from '../errors.js'
import type { AuditLog, AuditPage, AuditQuery } from './audit-log.js'
import type { AuditOutbox } from './audit-outbox.js'
import { Backlog } from './backlog.js'
import { describe, lostEvents, type AuditEvent } from './event.js'
import type { Journal } from './journal.js'
import { pendingFrom, withPending } from './pending-page.js'
import { closed, unreadable, unwritable } from './refusals.js'
import type { LogEnd } from './signed-head.js'
import type { Sink } from './sink.js'
import type { Tell } from './unproved.js'

export interface AuditRelayOptions {
  /** How long after a failure writing is tried again. */
  readonly retryMs?: number
  /** How many events may wait in the store, while the journal cannot be written, before `admit` refuses. */
  readonly backlog?: number
  /** How many may wait in memory before `recordEventually` loses any. */
  readonly maxInMemory?: number
  readonly clock?: Clock
  readonly sink?: Sink | undefined
  /** Told what an operator should know: damage that was found, what could not be tidied up. */
  readonly warn?: Tell
}

const MOST_BATCHES_UNMARKED = 16
// How long events may gather: a write costs the same for one line as for hundreds.
const GATHER_MS = 20
// How long the journal may be out of order before `admit` refuses, however few wait.
const MOST_MS_BEHIND = 60_000
// How long a write may take before nothing more is to wait for it.
const HANGING_MS = 2_000

/**
 * The audit log of an engine whose store commits events: what is in the outbox of the store goes to the journal in the
 * background, in that order, and with it what is recorded eventually.
 */
export class AuditRelay implements AuditLog {
  readonly #outbox: AuditOutbox
  readonly #journal: Journal
  readonly #backlog: Backlog
  readonly #options: Required<Omit<AuditRelayOptions, 'sink'>>
  readonly #sink: Sink | undefined
  /** Settled when the sink has all that the journal has. */
  #sent: Promise<void> | undefined
  #draining: Promise<void> | undefined
  /** The batch that is being written, or gathers. */
  #batch: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined
  /** Begins to write. */
  #soon: NodeJS.Timeout | undefined
  /** Why the journal cannot be written, and since when. */
  #failure: { readonly cause: unknown, readonly since: number } | undefined
  #lost = 0
  readonly #stall = new Stall(HANGING_MS)

  /** The relay closes `journal` when it closes, which must be before the store of `outbox` does. */
  constructor (outbox: AuditOutbox, journal: Journal, options: AuditRelayOptions = {}) {
    this.#outbox = outbox
    this.#journal = journal
    this.#backlog = new Backlog(outbox, journal)
    this.#sink = options.sink
    this.#options = { retryMs: 2_000, backlog: 10_000, maxInMemory: 100_000, clock: systemClock, warn: () => {}, ...options }
    outbox.listen(() => this.#writeSoon())
    this.#writeSoon()
  }

  admit (): void {
    if (this.#closing !== undefined) throw closed()
    this.#sink?.admit()
    if (this.#stall.isLong) throw unwritable(new Error('the disk does not answer'))
    if (this.#failure === undefined) return
    const { backlog, clock } = this.#options
    const isLate = clock.monotonic() - this.#failure.since >= MOST_MS_BEHIND
    if (isLate || this.#backlog.durable >= backlog) throw unwritable(this.#failure.cause)
  }

  /** Costs less straight to the journal, and needs the store only where that cannot be written. */
  async record (event: AuditEvent): Promise<void> {
    this.admit()
    // What waits in the store is sent when the journal has it.
    if (this.#failure !== undefined && this.#sink?.isRequired) throw unwritable(this.#failure.cause)
    if (this.#failure !== undefined) return this.#outbox.append(event)
    await new Promise<void>((resolve, reject) => {
      const keep = () => this.#outbox.append(event).then(resolve, reject)
      this.#backlog.add(this.#describe(event), event, { written: resolve, keep })
      this.#begin()
    })
    if (this.#sink?.isRequired) await this.#sent
  }

  recordEventually (event: AuditEvent): void {
    if (this.#backlog.inMemory >= this.#options.maxInMemory || this.#closing !== undefined) {
      this.#lost++
    } else {
      this.#backlog.add(this.#describe(event), event)
      this.#writeSoon()
    }
  }

  async query (query: AuditQuery): Promise<AuditPage> {
    await this.#settle()
    try {
      return await this.#query(query)
    } catch (cause) {
      throw cause instanceof GatewayError ? cause : unreadable(cause)
    }
  }

  async end (): Promise<LogEnd> {
    await this.#settle()
    const { sequence, hash, commit } = this.#journal.end
    return { sequence, hash, commit }
  }

  close (): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close (): Promise<void> {
    await this.#draining
    this.#begin()
    await this.#draining
    clearTimeout(this.#soon)
    const lost = this.#lost + this.#backlog.inMemory
    if (lost > 0) this.#options.warn(`${lost} events were lost, since the audit log cannot be written`)
    await this.#journal.close()
  }

  /** Resolves when all that waits now is written, or cannot be. */
  async #settle (): Promise<void> {
    if (this.#closing !== undefined) throw closed()
    // Not until nothing waits: there may be more all the time.
    for (const isWritten = this.#backlog.watch(); this.#failure === undefined && !isWritten();) {
      this.#begin()
      await this.#batch.catch(() => {})
    }
  }

  #describe (event: AuditEvent): string {
    return describe(event, this.#options.clock.now())
  }

  /** What the journal holds and, behind that, what it will. */
  async #query (query: AuditQuery): Promise<AuditPage> {
    const { end } = this.#journal
    const from = pendingFrom(query.pageToken)
    const page = await this.#journal.query(from === undefined ? query : { ...query, pageToken: undefined, from })
    if (page.nextPageToken !== undefined || this.#failure === undefined) return page
    const whole = await withPending(page, this.#backlog.batches(), end, query, from)
    // Some of it was written meanwhile, and may be there twice or not at all.
    return this.#journal.end === end ? whole : this.#query(query)
  }

  /** Lets events become more, unless they are being written already; after a failure lets some time pass. */
  #writeSoon (): void {
    if (this.#draining !== undefined || this.#backlog.isEmpty) return
    const { retryMs } = this.#options
    this.#soon ??= setTimeout(() => this.#begin(), this.#failure === undefined ? GATHER_MS : retryMs).unref()
  }

  /** Writes, unless that goes on already, until nothing waits any more or it cannot be written. */
  #begin (): void {
    clearTimeout(this.#soon)
    this.#soon = undefined
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = undefined
      this.#writeSoon()
    })
  }

  async #drain (): Promise<void> {
    // One turn of the event loop lets everything that has already arrived join the first batch.
    await (this.#batch = new Promise(resolve => setImmediate(resolve)))
    for (let batches = 1; !this.#backlog.isEmpty; batches++) {
      try {
        await (this.#batch = this.#writeBatch(batches % MOST_BATCHES_UNMARKED === 0))
      } catch (error) {
        this.#fail(error)
        await this.#backlog.keepAwaited()
        return
      }
    }
  }

  async #writeBatch (isToBeMarked: boolean): Promise<void> {
    const { value: batch } = await this.#backlog.batches().next()
    if (batch === undefined) throw new Error('the store has lost events that it had committed')
    const lost = this.#lost
    const tellingLoss = lost === 0 ? [] : [{ description: this.#describe(lostEvents(lost, 'unavailable')) }]
    const entries = [...batch, ...tellingLoss]
    const { sequence } = this.#journal.end
    await this.#stall.watch(this.#journal.append(entries))
    this.#sent = this.#sink?.send('event', entries.map(({ description }, index) => `{"sequence":${sequence + 1 + index},${description}`))
    this.#backlog.remove(batch)
    this.#lost -= lost
    if (this.#failure !== undefined) this.#options.warn('the audit log can be written again')
    this.#failure = undefined
    if (this.#backlog.isEmpty || isToBeMarked) await this.#journal.mark()
  }

  #fail (cause: unknown): void {
    const { warn, clock } = this.#options
    if (this.#failure === undefined) warn('the audit log cannot be written; what must be in it waits in the store', cause)
    this.#failure = { cause, since: this.#failure?.since ?? clock.monotonic() }
  }
}
