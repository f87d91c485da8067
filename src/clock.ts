/** Tells the time. Whatever depends on it is given one, so that a test can move it. */
export interface Clock {
  /** Milliseconds since 1970, UTC. It may jump, forwards and backwards. */
  now (): number
  /** Milliseconds since any one moment: it grows by what passes, and never jumps. */
  monotonic (): number
}

/** The clock of this machine. */
export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }

/**
 * Whether what is watched takes longer than `ms` milliseconds. An event loop that is too busy to hear that it has ended does not make
 * it longer.
 */
export class Stall {
  readonly #ms: number
  readonly #onLong: () => void
  #isLong = false

  /** `onLong` is called after each `ms` milliseconds. */
  constructor (ms: number, onLong = () => {}) {
    this.#ms = ms
    this.#onLong = onLong
  }

  get isLong (): boolean {
    return this.#isLong
  }

  /** Resolves as `work` does. One at a time. */
  async watch<T> (work: Promise<T>): Promise<T> {
    let isOver = false
    // Timers come before what the system has to tell, and immediates behind it.
    const timer = setInterval(() => setImmediate(() => {
      if (isOver) return
      this.#isLong = true
      this.#onLong()
    }), this.#ms)
    try {
      return await work
    } finally {
      isOver = true
      clearInterval(timer)
      this.#isLong = false
    }
  }
}
