import type { Clock } from '../../src/clock.js'

/** A clock that a test sets: `time` is what both of its hands show. */
export class TestClock implements Clock {
  constructor (public time = Date.UTC(2030, 0, 1)) {}

  now (): number {
    return this.time
  }

  monotonic (): number {
    return this.time
  }
}
