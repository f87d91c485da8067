import type { AuditPage } from '../../audit/audit-log.js'
import { hashOf, lineOf, NO_LINE, type AuditRecord, type Entry } from '../../audit/event.js'
import type { End, Journal, JournalQuery } from '../../audit/journal.js'
import { matches } from '../../audit/pending-page.js'
import { unknownPageToken } from '../../audit/refusals.js'

const TOKEN = /^[1-9]\d{0,15}$/

/** Keeps the audit log in the memory of this process: its latest events, `most` of them or up to twice as many. */
export class MemoryJournal implements Journal {
  readonly #most: number
  #records: AuditRecord[] = []
  #end: End = { sequence: 0, hash: NO_LINE, commit: 0 }

  constructor (most = 10_000) {
    this.#most = most
  }

  get end (): End {
    return this.#end
  }

  async append (entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) {
      const sequence = this.#end.sequence + 1
      const line = lineOf(sequence, this.#end.hash, entry)
      this.#records.push(JSON.parse(line))
      this.#end = { sequence, hash: hashOf(line), commit: entry.commit ?? this.#end.commit }
    }
    if (this.#records.length > 2 * this.#most) this.#records = this.#records.slice(-this.#most)
  }

  async mark (): Promise<void> {}

  async query ({ pageSize, pageToken = '1', from = 1, ...query }: JournalQuery): Promise<AuditPage> {
    if (!TOKEN.test(pageToken)) throw unknownPageToken()
    const first = Math.max(from, Number(pageToken))
    const matching = this.#records.filter(record => record.sequence >= first && matches(record, query))
    return { events: matching.slice(0, pageSize), verified: true, nextPageToken: matching[pageSize]?.sequence.toString() }
  }

  async close (): Promise<void> {}
}
