import type { AuditOutbox, Committed } from '../../audit/audit-outbox.js'
import { describe, type AuditEvent } from '../../audit/event.js'
import type { Clock } from '../../clock.js'

/** Keeps the audit events of a store in the memory of this process. */
export class MemoryOutbox implements AuditOutbox {
  readonly #clock: Clock
  #entries: Committed[] = []
  #last = 0
  #listener = () => {}

  get last (): number {
    return this.#last
  }

  constructor (clock: Clock) {
    this.#clock = clock
  }

  async append (event: AuditEvent): Promise<void> {
    this.add([event])
  }

  /** Adds the events of a change that is made in the same turn. */
  add (events: readonly AuditEvent[]): void {
    for (const event of events) this.#entries.push({ description: describe(event, this.#clock.now()), commit: ++this.#last })
    if (events.length > 0) this.#listener()
  }

  async read (after: number, limit: number): Promise<readonly Committed[]> {
    return this.#entries.filter(({ commit }) => commit > after).slice(0, limit)
  }

  forget (through: number): void {
    this.#entries = this.#entries.filter(({ commit }) => commit > through)
    this.#last = Math.max(this.#last, through)
  }

  listen (listener: () => void): void {
    this.#listener = listener
  }
}
