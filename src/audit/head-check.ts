import type { AuditProblem } from './audit-problem.js'
import { readHead, type SignedHead } from './signed-head.js'

interface Anchored extends SignedHead {
  readonly where: string
  readonly line: number
}

/** Compares the lines of the log with heads that were signed before, and kept elsewhere. */
export class HeadCheck {
  readonly problems: AuditProblem[] = []
  readonly #heads: Anchored[] = []
  readonly #publicKey: string | undefined

  /** @param publicKey whose heads count; that of any where it is not known */
  constructor (publicKey: string | undefined) {
    this.#publicKey = publicKey
  }

  get heads (): number {
    return this.#heads.length
  }

  /** Another line of an anchor. Called before any line of the log is read: while they are read more are written. */
  async add (where: string, line: number, jws: string): Promise<void> {
    const head = await readHead(jws).catch(() => undefined)
    if (head === undefined) this.#report({ where, line }, 'is no head that its key has signed')
    else if (this.#publicKey !== undefined && head.publicKey !== this.#publicKey) this.#report({ where, line }, 'was signed by another key')
    else this.#heads.push({ ...head, where, line })
  }

  /** What checks the chain of `gateway`, where it is one of many. */
  of (gateway?: string): ChainHeads {
    return new ChainHeads(this.#heads.filter(head => head.gateway === gateway), (head, problem) => this.#report(head, problem))
  }

  #report ({ where, line }: Pick<Anchored, 'where' | 'line'>, problem: string): void {
    this.problems.push({ where, line, problem })
  }
}

/** The heads of one chain. */
export class ChainHeads {
  /** Those whose lines were not there yet, by their numbers. */
  readonly #waiting = new Map<number, Anchored[]>()
  readonly #newest: Anchored | undefined
  readonly #report: (head: Anchored, problem: string) => void
  #first: number | undefined

  constructor (heads: readonly Anchored[], report: (head: Anchored, problem: string) => void) {
    for (const head of heads) this.#waiting.set(head.sequence, [...this.#waiting.get(head.sequence) ?? [], head])
    this.#newest = heads.toSorted((a, b) => a.sequence - b.sequence).at(-1)
    this.#report = report
  }

  /** Another line of the log. */
  line (sequence: number, hash: string): void {
    this.#first ??= sequence
    for (const head of this.#waiting.get(sequence) ?? []) {
      if (head.hash !== hash) this.#report(head, `signed another line number ${sequence} than the log has: that was written anew`)
    }
    this.#waiting.delete(sequence)
  }

  /** Called behind the last line. What was signed of lines that are no longer kept is passed over, but for the newest of all. */
  end (): void {
    const first = this.#first ?? 0
    for (const head of [...this.#waiting.values()].flat()) {
      if (head.sequence >= first || head === this.#newest) {
        this.#report(head, `signed line number ${head.sequence}, which the log has not: it was cut off, or written anew`)
      }
    }
  }
}
