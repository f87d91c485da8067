import type { AuditProblem } from './audit-problem.js'
import { hashOf, NO_LINE, parseLine } from './event.js'
import type { ChainHeads } from './head-check.js'

export interface Verification {
  readonly lines: number
  readonly problems: readonly AuditProblem[]
}

/** Between which lines a chain stands. */
export interface Ends {
  /** The sequence of the oldest line that is kept. */
  readonly first: number
  /** Number and hash of the last. */
  readonly sequence: number
  readonly hash: string
}

/** Where a line stands, and what the one behind it must match. */
interface Place {
  readonly where: string
  readonly line: number
  readonly sequence: number
  readonly hash: string
  /** Whether a problem was reported that explains why the next line does not match. */
  readonly reported: boolean
}

/** Reads the lines of one chain, in their order, and tells where it is not as it was written. */
export class ChainCheck {
  readonly problems: AuditProblem[] = []
  /** The number of the first line. */
  first: number | undefined
  readonly #ends: Ends | undefined
  readonly #heads: ChainHeads | undefined
  /** The last line that stands in its place. */
  #last: Place | undefined
  /** The last line, where it stands out of place: those that follow it rightly are one problem with it. */
  #stray: Place | undefined
  /** How many lines since the last are none of ours: each may have been one. */
  #unknown = 0

  /** `ends` and `heads` must have been read before the lines: while they are read more are written. */
  constructor (ends: Ends | undefined, heads?: ChainHeads) {
    this.#ends = ends
    this.#heads = heads
  }

  report (where: string, line: number, problem: string): void {
    this.problems.push({ where, line, problem })
  }

  /** So many lines, from that on, cannot be read. */
  unreadable (where: string, line: number, count: number, problem: string): void {
    this.report(where, line, problem)
    this.#unknown += count
  }

  /**
   * Another line. `begin` is the number that the first line there should have, `reported` whether a problem is that explains why the next
   * line does not match.
   */
  line (where: string, line: number, bytes: Buffer, begin: number, reported = false): void {
    const record = parseLine(bytes)
    if (record === undefined) {
      this.report(where, line, 'is no line of the audit log')
      this.#unknown++
      return
    }
    const { previous } = record
    const here = { where, line, sequence: record.sequence, hash: hashOf(bytes), reported }
    this.#heads?.line(here.sequence, here.hash)
    const last = this.#last
    if (last === undefined) {
      this.first = here.sequence
      const expected = this.#ends === undefined ? begin : Math.min(begin, this.#ends.first)
      if (here.sequence > expected + this.#unknown) this.report(where, line, missing(expected, here.sequence - 1, 'before this line'))
      const isForged = here.sequence === 1 && previous !== NO_LINE
      here.reported ||= isForged
      if (isForged) this.report(where, line, CHANGED)
    } else if (previous === last.hash) {
      const isMisnumbered = here.sequence !== last.sequence + 1
      here.reported ||= isMisnumbered
      if (isMisnumbered) this.report(where, line, `has the number ${here.sequence} instead of ${last.sequence + 1}`)
      here.sequence = last.sequence + 1
    } else if (here.sequence <= last.sequence) {
      const follows = this.#stray?.hash === previous && this.#stray.sequence === here.sequence - 1
      if (!follows) this.report(where, line, `is out of place: it is number ${here.sequence}, behind number ${last.sequence}`)
      this.#stray = here
      return
    } else if (here.sequence === last.sequence + 1) {
      if (!last.reported) this.report(last.where, last.line, CHANGED)
    } else if (here.sequence > last.sequence + 1 + this.#unknown) {
      this.report(where, line, missing(last.sequence + 1, here.sequence - 1, 'before this line'))
    }
    if (this.#ends?.sequence === here.sequence && this.#ends.hash !== here.hash && !here.reported) {
      this.report(where, line, CHANGED)
      here.reported = true
    }
    this.#last = here
    this.#stray = undefined
    this.#unknown = 0
  }

  /** Called behind the last line. `head` is where the ends are kept. */
  end (head: string): void {
    this.#heads?.end()
    const last = this.#last?.sequence ?? 0
    if (this.#ends === undefined) {
      this.report(head, 0, 'is absent or damaged: whether lines are missing at the end cannot be told')
    } else if (this.#ends.sequence > last + this.#unknown) {
      const { where = head, line = 0 } = this.#last ?? {}
      this.report(
        where,
        line,
        missing(Math.max(last + 1, this.#ends.first), this.#ends.sequence, line === 0 ? 'and there is no other' : 'behind this line')
      )
    }
  }
}

// A line is proved by the one behind it, and the last one by the head.
const CHANGED = 'was changed, or the hash of it in the next line was'

const missing = (from: number, to: number, where: string) =>
  from === to ? `line number ${from} is missing ${where}` : `the lines number ${from} to ${to} are missing ${where}`
