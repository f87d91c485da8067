/** Who hears of something that is read again and again, and can fail each time. */
export interface Listeners {
  /** Told once of each problem as long as it lasts, in a message that holds nothing of what was read. */
  readonly onProblem?: (message: string) => void
  /** Told once when it is over, of what. */
  readonly onMended?: (what: string) => void
}

/** What is wrong with `what` now, if anything: told when it changes, and not each time that it is found. */
export class Trouble {
  readonly #what: string
  readonly #listeners: Listeners
  #now: string | undefined

  constructor (what: string, listeners: Listeners) {
    this.#what = what
    this.#listeners = listeners
  }

  found (problem: string): void {
    if (problem !== this.#now) this.#listeners.onProblem?.(`${this.#what}: ${problem}`)
    this.#now = problem
  }

  over (): void {
    if (this.#now !== undefined) this.#listeners.onMended?.(this.#what)
    this.#now = undefined
  }
}
