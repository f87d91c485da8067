import { GatewayError } from '../errors.js'
import type { CreateCall } from './call.js'
import { idempotencyId } from './idempotency.js'
import type { Operation } from './operation.js'

const LONGEST_WAIT_MS = 5_000

/**
 * `operation` for calls that may have an idempotency key: those with one key run one after the other, so that each but the first
 * finds what the first has made. What another gateway made at the same time is found by a second try.
 * @throws `aborted` where the one before takes longer than five seconds
 */
export function onePerKey<C extends CreateCall<unknown>, Result> (operation: Operation<C, Result>): Operation<C, Result> {
  /** When the last call with each key, and all before it, have ended. */
  const turns = new Map<string, Promise<unknown>>()

  function inTurn (key: string, run: () => Promise<Result>): Promise<Result> {
    const before = turns.get(key)
    const result = before === undefined ? run() : soon(before).then(run)
    const turn: Promise<void> = Promise.allSettled([before, result]).then(() => { if (turns.get(key) === turn) turns.delete(key) })
    turns.set(key, turn)
    return result
  }

  return (call, signal) => {
    if (call.idempotencyKey === undefined) return operation(call, signal)
    return inTurn(idempotencyId('', call, call.idempotencyKey), async () => {
      try {
        return await operation(call, signal)
      } catch (error) {
        if (GatewayError.from(error).code !== 'already_exists') throw error
        return operation(call, signal)
      }
    })
  }
}

/** Resolves when `turn` has. */
async function soon (turn: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new GatewayError('aborted', 'the first request with this Idempotency-Key still runs; try again', { retryAfterSeconds: 1 }))
    }, LONGEST_WAIT_MS)
  })
  try {
    await Promise.race([turn, late])
  } finally {
    clearTimeout(timer)
  }
}
