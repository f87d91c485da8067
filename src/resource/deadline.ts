import { GatewayError } from '../errors.js'
import type { Stop } from '../pipeline/pipeline.js'
import type { Operation } from './operation.js'

/** Resolves as `work` does. @throws `deadline_exceeded` where that takes longer than `ms` milliseconds; the work goes on */
export function within<T> (ms: number, work: Promise<T>, onLate = () => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      onLate()
      reject(new GatewayError('deadline_exceeded', LATE, { retryAfterSeconds: 1 }))
    }, ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

const LATE =
  'the operation took too long: it may be done, now or later; ask whether it is, or repeat it with the same Idempotency-Key'

/**
 * `operations`, each answered `deadline_exceeded` where it takes longer than `ms` milliseconds: it is stopped before its next step,
 * unless it commits already.
 */
export const withDeadlines = <Operations extends object>(operations: Operations, ms: number): Operations =>
  Object.fromEntries(Object.entries(operations).map(([name, operation]) => [name, withDeadline(operation, ms)])) as Operations

const withDeadline = <Call, Result>(operation: Operation<Call, Result>, ms: number): Operation<Call, Result> => (call, signal) => {
  const deadline = new Deadline(signal)
  return within(ms, operation(call, deadline), () => { deadline.isOver = true })
}

class Deadline implements Stop {
  isOver = false
  readonly #signal: Stop | undefined

  constructor (signal: Stop | undefined) {
    this.#signal = signal
  }

  throwIfAborted (): void {
    if (this.isOver) throw new GatewayError('deadline_exceeded', LATE)
    this.#signal?.throwIfAborted()
  }
}
