import type { AuditPage, AuditQuery } from './audit-log.js'
import type { Entry } from './event.js'

/** Where the journal ends. */
export interface End {
  /** The number and the hash of the last line; 0 and `NO_LINE` where there is none. */
  readonly sequence: number
  readonly hash: string
  /** The greatest `commit` of all lines that there ever were; 0 where none had one. */
  readonly commit: number
}

/** The lines from the one of that number on. */
export interface JournalQuery extends AuditQuery {
  readonly from?: number
}

/**
 * Where an engine keeps the lines of the audit log: all that an engine has to do with it. What is written when, in which
 * batches, and what is refused while that fails, is the same for each: `AuditRelay`.
 */
export interface Journal {
  readonly end: End
  /**
   * Resolves when a line for each of `entries` is durable, in their order; where it rejects, with whatever, none of them
   * is there. Neither it nor `mark` is called while one of them is at work.
   */
  append (entries: readonly Entry[]): Promise<void>
  /**
   * Called when nothing waits that must be written now, and after some batches at the latest: for what need not be done
   * after each. It must not reject.
   */
  mark (): Promise<void>
  /** As the log's own, at any time. */
  query (query: JournalQuery): Promise<AuditPage>
  /** Called once, behind the last `append`; a `query` may still be at work. */
  close (): Promise<void>
}
