import { join } from 'node:path'
import { hashOf, NO_LINE, parseLine } from '../../../audit/event.js'
import { isAbsent, listFiles, readLines } from './files.js'
import { HEAD_FILE, readHead, type HeadState } from './head.js'

/** Something that the log would not hold if nobody had touched it. */
export interface AuditProblem {
  readonly file: string
  /** Counted from 1; 0 for the whole file. */
  readonly line: number
  readonly problem: string
}

export interface Verification {
  readonly files: number
  readonly lines: number
  /** The sequence of the first line: more than 1 where older files are no longer kept. */
  readonly first?: number
  readonly problems: readonly AuditProblem[]
}

/** Where a line stands, and what the one behind it must match. */
interface Place {
  readonly file: string
  readonly line: number
  readonly sequence: number
  readonly hash: string
  /** Whether a problem was reported that explains why the next line does not match. */
  readonly reported: boolean
}

/**
 * Reads the whole log in `directory`, also while it is being written, and tells where it is not as it was written. A
 * chain does not withstand somebody who writes all of it, and its head, anew.
 */
export async function verify (directory: string): Promise<Verification> {
  // The head before the lines: while they are read more are written.
  const head = await readHead(directory)
  const files = await listFiles(directory).catch(error => {
    if (isAbsent(error)) return []
    throw error
  })
  const check = new Check(head)
  let lines = 0
  for (const [index, { name, first }] of files.entries()) {
    let line = 0
    for await (const { bytes, whole } of readLines(join(directory, name))) {
      line++
      if (whole) {
        lines++
        check.line(name, line, bytes, first)
      } else if (index < files.length - 1) {
        // Only the last line of all may be half written.
        check.report(name, line, 'is cut off')
      }
    }
  }
  check.end()
  return { files: files.length, lines, first: check.first, problems: check.problems }
}

class Check {
  readonly problems: AuditProblem[] = []
  /** The number of the first line. */
  first: number | undefined
  readonly #head: HeadState | undefined
  /** The last line that stands in its place. */
  #last: Place | undefined
  /** The last line, where it stands out of place: those that follow it rightly are one problem with it. */
  #stray: Place | undefined
  /** How many lines since the last are none of ours: each may have been one. */
  #unknown = 0

  constructor (head: HeadState | undefined) {
    this.#head = head
  }

  report (file: string, line: number, problem: string): void {
    this.problems.push({ file, line, problem })
  }

  /** `begin` is the number that the first line of the file should have. */
  line (file: string, line: number, bytes: Buffer, begin: number): void {
    const record = parseLine(bytes)
    if (record === undefined) {
      this.report(file, line, 'is no line of the audit log')
      this.#unknown++
      return
    }
    const { previous } = record
    const here = { file, line, sequence: record.sequence, hash: hashOf(bytes), reported: false }
    const last = this.#last
    if (last === undefined) {
      this.first = here.sequence
      const expected = this.#head === undefined ? begin : Math.min(begin, this.#head.first)
      if (here.sequence > expected + this.#unknown) this.report(file, line, missing(expected, here.sequence - 1, 'before this line'))
      here.reported = here.sequence === 1 && previous !== NO_LINE
      if (here.reported) this.report(file, line, CHANGED)
    } else if (previous === last.hash) {
      here.reported = here.sequence !== last.sequence + 1
      if (here.reported) this.report(file, line, `has the number ${here.sequence} instead of ${last.sequence + 1}`)
      here.sequence = last.sequence + 1
    } else if (here.sequence <= last.sequence) {
      const follows = this.#stray?.hash === previous && this.#stray.sequence === here.sequence - 1
      if (!follows) this.report(file, line, `is out of place: it is number ${here.sequence}, behind number ${last.sequence}`)
      this.#stray = here
      return
    } else if (here.sequence === last.sequence + 1) {
      if (!last.reported) this.report(last.file, last.line, CHANGED)
    } else if (here.sequence > last.sequence + 1 + this.#unknown) {
      this.report(file, line, missing(last.sequence + 1, here.sequence - 1, 'before this line'))
    }
    if (this.#head?.sequence === here.sequence && this.#head.hash !== here.hash && !here.reported) {
      this.report(file, line, CHANGED)
      here.reported = true
    }
    this.#last = here
    this.#stray = undefined
    this.#unknown = 0
  }

  end (): void {
    const last = this.#last?.sequence ?? 0
    if (this.#head === undefined) {
      this.report(HEAD_FILE, 0, 'is absent or damaged: whether lines are missing at the end cannot be told')
    } else if (this.#head.sequence > last + this.#unknown) {
      const { file = HEAD_FILE, line = 0 } = this.#last ?? {}
      this.report(
        file,
        line,
        missing(Math.max(last + 1, this.#head.first), this.#head.sequence, line === 0 ? 'and there is no other' : 'behind this line')
      )
    }
  }
}

// A line is proved by the one behind it, and the last one by the head.
const CHANGED = 'was changed, or the hash of it in the next line was'

const missing = (from: number, to: number, where: string) =>
  from === to ? `line number ${from} is missing ${where}` : `the lines number ${from} to ${to} are missing ${where}`
