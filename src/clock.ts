/** Tells the time. Whatever depends on it is given one, so that a test can move it. */
export interface Clock {
  /** Milliseconds since 1970, UTC. It may jump, forwards and backwards. */
  now (): number
  /** Milliseconds since any one moment: it grows by what passes, and never jumps. */
  monotonic (): number
}

/** The clock of this machine. */
export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }
