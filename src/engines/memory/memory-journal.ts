import type { AuditPage, AuditQuery } from '../../audit/audit-log.js'
import { hashOf, lineOf, NO_LINE, type AuditRecord } from '../../audit/event.js'
import type { Entry, Journal } from '../../audit/journal.js'
import { unknownPageToken } from '../../audit/refusals.js'

const TOKEN = /^[1-9]\d{0,15}$/

/** Keeps the audit log in the memory of this process: its latest events, `most` of them or up to twice as many. */
export class MemoryJournal implements Journal {
  readonly #most: number
  #records: AuditRecord[] = []
  #sequence = 0
  #hash = NO_LINE

  constructor (most = 10_000) {
    this.#most = most
  }

  async append (entries: readonly Entry[]): Promise<void> {
    for (const { description } of entries) {
      const line = lineOf(++this.#sequence, this.#hash, description)
      this.#hash = hashOf(line)
      this.#records.push(JSON.parse(line))
    }
    if (this.#records.length > 2 * this.#most) this.#records = this.#records.slice(-this.#most)
  }

  async mark (): Promise<void> {}

  async query ({ contextId, executionId, pageSize, pageToken = '1' }: AuditQuery): Promise<AuditPage> {
    if (!TOKEN.test(pageToken)) throw unknownPageToken()
    const from = Number(pageToken)
    const matching = this.#records.filter(record => record.sequence >= from &&
      (contextId === undefined || record.context_id === contextId) && (executionId === undefined || record.execution_id === executionId))
    return { events: matching.slice(0, pageSize), nextPageToken: matching[pageSize]?.sequence.toString() }
  }

  async close (): Promise<void> {}
}
