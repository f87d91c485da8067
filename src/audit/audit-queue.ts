import { systemClock, type Clock } from '../clock.js'
import { GatewayError } from '../errors.js'
import type { AuditLog, AuditPage, AuditQuery } from './audit-log.js'
import { describe, type AuditEvent } from './event.js'
import type { Entry, Journal } from './journal.js'
import { closed, unreadable, unwritable } from './refusals.js'

export interface AuditQueueOptions {
  /** How long everything is refused after a failure, before writing is tried again. */
  readonly retryMs?: number
  /** How many events may wait to be written before `recordEventually` loses any. */
  readonly maxWaiting?: number
  readonly clock?: Clock
  /** Told what an operator should know: damage that was found, what could not be tidied up. */
  readonly warn?: (message: string, cause?: unknown) => void
}

interface Waiting {
  /** Absent where it is only asked whether one could be written. */
  readonly entry?: Entry
  /** Absent for what must be kept until it is written. */
  readonly settle?: { resolve (): void, reject (error: unknown): void }
}

// What one write may hold: lines have a few hundred bytes, at most some 300 KB.
const MOST_LINES_AT_ONCE = 1024
const MOST_CHARACTERS_AT_ONCE = 1024 * 1024
const MOST_BATCHES_UNMARKED = 16
// How long what nobody waits for may gather: a write costs the same for one line as for hundreds.
const GATHER_MS = 20
const SYSTEM = { name: 'system', kind: 'system' } as const

/**
 * An engine's audit log: what is to be written waits in one queue, and as much of it as one write may hold goes to the
 * journal together.
 */
export class AuditQueue implements AuditLog {
  readonly #journal: Journal
  readonly #options: Required<AuditQueueOptions>
  #queue: Waiting[] = []
  /** How many of the queue are not to gather any longer. */
  #due = 0
  #draining: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** After a failure: what all are refused with, and the timer that ends it. */
  #held: { readonly refusal: GatewayError, readonly timer: NodeJS.Timeout } | undefined
  /** Begins to write what nobody waits for. */
  #soon: NodeJS.Timeout | undefined
  #failing = false
  #lost = 0

  /** The queue closes `journal` when it closes. */
  constructor (journal: Journal, options: AuditQueueOptions = {}) {
    this.#journal = journal
    this.#options = { retryMs: 2_000, maxWaiting: 100_000, clock: systemClock, warn: () => {}, ...options }
  }

  record (event: AuditEvent): Promise<void> {
    return this.#enqueue(this.#entry(event))
  }

  recordEventually (event: AuditEvent): void {
    if (this.#queue.length >= this.#options.maxWaiting || this.#closing !== undefined) {
      this.#lost++
    } else {
      this.#queue.push({ entry: this.#entry(event) })
      this.#gather()
    }
  }

  ready (): Promise<void> {
    return this.#enqueue()
  }

  async query (query: AuditQuery): Promise<AuditPage> {
    if (this.#closing !== undefined) throw closed()
    if (this.#queue.length > 0) this.#start()
    await this.#draining
    try {
      return await this.#journal.query(query)
    } catch (cause) {
      throw cause instanceof GatewayError ? cause : unreadable(cause)
    }
  }

  close (): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close (): Promise<void> {
    this.#release()
    this.#start()
    await this.#draining
    this.#release()
    const lost = this.#lost + this.#queue.length
    if (lost > 0) this.#options.warn(`${lost} events were lost, since the audit log cannot be written`)
    await this.#journal.close()
  }

  #entry (event: AuditEvent): Entry {
    return { event, description: describe(event, this.#options.clock.now()) }
  }

  #enqueue (entry?: Entry): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    if (this.#held !== undefined) return Promise.reject(this.#held.refusal)
    return new Promise((resolve, reject) => {
      this.#queue.push({ entry, settle: { resolve, reject } })
      this.#start()
    })
  }

  /** Lets what nobody waits for become more, unless it is being written already. */
  #gather (): void {
    if (this.#draining === undefined) this.#soon ??= setTimeout(() => this.#start(), GATHER_MS).unref()
  }

  /** Begins to write all that waits now. */
  #start (): void {
    clearTimeout(this.#soon)
    this.#soon = undefined
    if (this.#held !== undefined) return
    this.#due = this.#queue.length
    this.#draining ??= this.#drain()
  }

  async #drain (): Promise<void> {
    // One turn of the event loop lets everything that has already arrived join the first batch.
    await new Promise(resolve => setImmediate(resolve))
    for (let batches = 1; this.#due > 0 && await this.#commit(this.#take()); batches++) {
      if (this.#due <= 0 || batches % MOST_BATCHES_UNMARKED === 0) await this.#journal.mark()
    }
    this.#draining = undefined
    if (this.#queue.length > 0) this.#gather()
  }

  /** Removes from the queue what is written next. */
  #take (): Waiting[] {
    let characters = 0
    const end = this.#queue.findIndex(({ entry }, index) => {
      characters += entry?.description.length ?? 0
      return index > 0 && (index === MOST_LINES_AT_ONCE || characters > MOST_CHARACTERS_AT_ONCE)
    })
    const batch = this.#queue.splice(0, end === -1 ? this.#queue.length : end)
    this.#due -= batch.length
    return batch
  }

  /** Writes the batch and settles it. Where that fails, refuses all that wait but those that must be kept, and answers `false`. */
  async #commit (batch: Waiting[]): Promise<boolean> {
    const lost = this.#lost
    const lines = batch.flatMap(({ entry }) => entry ?? [])
    if (lost > 0) lines.push(this.#entry({ event: 'lost', caller: SYSTEM, count: lost, outcome: 'unavailable' }))
    try {
      await this.#journal.append(lines)
    } catch (error) {
      this.#hold(error, batch)
      return false
    }
    this.#lost -= lost
    if (this.#failing) this.#options.warn('the audit log can be written again')
    this.#failing = false
    for (const { settle } of batch) settle?.resolve()
    return true
  }

  #hold (error: unknown, batch: readonly Waiting[]): void {
    const { retryMs, warn } = this.#options
    if (!this.#failing) warn('the audit log cannot be written', error)
    this.#failing = true
    const refusal = unwritable(error)
    const waiting = [...batch, ...this.#queue]
    this.#queue = waiting.filter(({ settle }) => settle === undefined)
    const timer = setTimeout(() => {
      this.#held = undefined
      if (this.#queue.length > 0) this.#start()
    }, retryMs).unref()
    this.#held = { refusal, timer }
    for (const { settle } of waiting) settle?.reject(refusal)
  }

  #release (): void {
    clearTimeout(this.#held?.timer)
    clearTimeout(this.#soon)
    this.#held = undefined
  }
}
