import type { AuditPage, AuditQuery } from './audit-log.js'
import { hashOf, lineOf, type AuditRecord, type Entry } from './event.js'
import type { End } from './journal.js'
import { PageSize } from './page-size.js'

// The token of a page that begins behind the end of the journal: the number that the line will have, or has by now.
const TOKEN = /^pending-([1-9]\d{0,15})$/

/** The number that a page token of ours stands for; `undefined` where it is the journal's own, or none. */
export function pendingFrom (pageToken: string | undefined): number | undefined {
  const [, sequence] = TOKEN.exec(pageToken ?? '') ?? []
  return sequence === undefined ? undefined : Number(sequence)
}

/** `found`, and behind what it has that which `query` asks for of what waits: as it will be written, behind `end`. */
export async function withPending (
  found: AuditPage, batches: AsyncIterable<readonly Entry[]>, end: End, { pageSize, ...query }: AuditQuery, from = 1
): Promise<AuditPage> {
  const events = [...found.events]
  const page = new PageSize(pageSize - events.length)
  const { verified } = found
  let { sequence, hash } = end
  for await (const batch of batches) {
    for (const entry of batch) {
      const line = lineOf(++sequence, hash, entry)
      hash = hashOf(line)
      const record: AuditRecord = JSON.parse(line)
      if (sequence < from || !matches(record, query)) continue
      if (!page.takes(line.length)) return { events, verified, nextPageToken: `pending-${sequence}` }
      events.push(record)
    }
  }
  return { events, verified }
}

/** Whether `record` is of the context and the execution that are asked for. */
export const matches = (record: AuditRecord, { contextId, executionId }: Omit<AuditQuery, 'pageSize'>): boolean =>
  (contextId === undefined || record.context_id === contextId) && (executionId === undefined || record.execution_id === executionId)
