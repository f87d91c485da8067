import type { AuditPage, AuditQuery } from './audit-log.js'
import type { AuditEvent } from './event.js'

/** An event that gets the next number and the hash of what is before it. */
export interface Entry {
  readonly event: AuditEvent
  /** What its line holds beside these two; `lineOf` makes the line. */
  readonly description: string
}

/**
 * Where an engine keeps the lines of the audit log: all that an engine has to do with it. What is written when, in which
 * batches, and what is refused while that fails, is the same for each: `AuditQueue`.
 */
export interface Journal {
  /**
   * Resolves when a line for each of `entries` is durable, in their order; where it rejects, with whatever, none of them
   * is there. Without entries it tries whether one could be written. Neither it nor `mark` is called while one of them is
   * at work.
   */
  append (entries: readonly Entry[]): Promise<void>
  /**
   * Called when nothing waits that must be written now, and after some batches at the latest: for what need not be done
   * after each. It must not reject.
   */
  mark (): Promise<void>
  /** As the log's own, at any time. */
  query (query: AuditQuery): Promise<AuditPage>
  /** Called once, behind the last `append`; a `query` may still be at work. */
  close (): Promise<void>
}
