import { systemClock } from '../../clock.js'

/** For how long what can be repeated is tried again, before whoever waits is told. */
const BUDGET_MS = 30_000
/** What fails so long after the failure before is another trouble. */
const APART_MS = 10_000
/** What was asked has so long for its answer, however long the trouble lasts. */
const LEAST_MS = 3_000

/**
 * How long nothing has come through. Those who ask while it lasts share its 30 seconds: who waits behind others waits no longer than
 * they do, and once it has lasted that long, everybody is told after one attempt.
 */
export class Trouble {
  #since = 0
  #last = -Infinity

  /** Something failed that began then. Answers whether it has been tried for long enough. */
  isTooLong (began: number): boolean {
    const now = systemClock.monotonic()
    if (now - this.#last > APART_MS) this.#since = began
    this.#last = now
    return now - this.#since >= BUDGET_MS
  }

  /** Whether what began then may wait for its answer any longer. */
  mayWait (began: number): boolean {
    const now = systemClock.monotonic()
    const since = now - this.#last > APART_MS ? began : this.#since
    return now - since < BUDGET_MS || now - began < LEAST_MS
  }

  end (): void {
    this.#last = -Infinity
  }
}
