import type { AuditPage } from '../../audit/audit-log.js'
import { hashOf, lineOf, NO_LINE, type AuditRecord, type Entry } from '../../audit/event.js'
import type { End, Journal, JournalQuery } from '../../audit/journal.js'
import { PageSize } from '../../audit/page-size.js'
import { matches } from '../../audit/pending-page.js'
import { unknownPageToken } from '../../audit/refusals.js'

const TOKEN = /^[1-9]\d{0,15}$/

/** Keeps the audit log in the memory of this process: its latest events, `most` of them or up to twice as many. */
export class MemoryJournal implements Journal {
  readonly #most: number
  #lines: Array<{ readonly record: AuditRecord, readonly bytes: number }> = []
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
      this.#lines.push({ record: JSON.parse(line), bytes: line.length })
      this.#end = { sequence, hash: hashOf(line), commit: entry.commit ?? this.#end.commit }
    }
    if (this.#lines.length > 2 * this.#most) this.#lines = this.#lines.slice(-this.#most)
  }

  async mark (): Promise<void> {}

  async query ({ pageSize, pageToken = '1', from = 1, ...query }: JournalQuery): Promise<AuditPage> {
    if (!TOKEN.test(pageToken)) throw unknownPageToken()
    const first = Math.max(from, Number(pageToken))
    const matching = this.#lines.filter(({ record }) => record.sequence >= first && matches(record, query))
    const page = new PageSize(pageSize)
    const end = matching.findIndex(({ bytes }) => !page.takes(bytes))
    const events = matching.slice(0, end === -1 ? undefined : end).map(({ record }) => record)
    return { events, verified: true, nextPageToken: matching[events.length]?.record.sequence.toString() }
  }

  async close (): Promise<void> {}
}
