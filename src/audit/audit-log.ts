import type { AuditEvent, AuditRecord } from './event.js'
import type { LogEnd } from './signed-head.js'

/** Which events; without `contextId` and `executionId`, all. */
export interface AuditQuery {
  readonly contextId?: string
  readonly executionId?: string
  readonly pageSize: number
  /** Where the page before said that it goes on. */
  readonly pageToken?: string
}

/** Events, oldest first. */
export interface AuditPage {
  readonly events: readonly AuditRecord[]
  /** Whether the hash of each of them is in the line behind it, or where the log ends. Where not, that was told to the operator. */
  readonly verified: boolean
  /** Absent on the last page. */
  readonly nextPageToken?: string
}

/**
 * Who did what, and what every engine's audit log promises; `test/audit/conformance.ts` checks it. Events have one
 * order, numbers from 1 without a gap, and each the hash of the one before. One that was recorded is never changed; the
 * oldest may go, by age alone. An event is as durable as the engine when `record` resolves, so a caller that waits
 * for it discloses nothing that is not in the log; and so is one that came along with a change of the engine's store, when that
 * resolves.
 */
export interface AuditLog {
  /**
   * Refuses what is not to happen while too many events wait to be written where they are kept. They are durable meanwhile,
   * and what must go on may add to them.
   * @throws `unavailable`
   */
  admit (): void
  /**
   * Resolves when the event is in the log, behind all that was there before the call.
   * @throws `unavailable`, as `admit` does too: it is not there
   */
  record (event: AuditEvent): Promise<void>
  /**
   * For what nobody waits for: keeps the event in memory until it is written, which is soon or when it can be. Where too many
   * wait, they are counted, and the log gets the count.
   */
  recordEventually (event: AuditEvent): void
  /**
   * Finds all that was recorded before, or came along with a change.
   * @throws `invalid_argument` where the page token is not one of ours, `unavailable` where the log cannot be read
   */
  query (query: AuditQuery): Promise<AuditPage>
  /**
   * Where the log ends, durably, with all in it that was recorded before; of the own chain, where it has many.
   * @throws `unavailable` where that cannot be told
   */
  end (): Promise<LogEnd>
  /** Writes what waits, then refuses everything with `unavailable`. */
  close (): Promise<void>
}
