import { GatewayError, type Code } from '../errors.js'
import type { Call, NamedCall } from './call.js'
import { idempotencyId } from './idempotency.js'
import type { Operation } from './operation.js'

const LONGEST_WAIT_MS = 5_000
const TRIES = 5

/**
 * `operation` for calls that may have an idempotency key: those with one key run one after the other, so that each but the first
 * finds what the first has made. What another gateway made at the same time is found by a second try.
 * @throws `aborted` where the one before takes longer than five seconds
 */
export function onePerKey<C extends NamedCall<unknown>, Result> (operation: Operation<C, Result>): Operation<C, Result> {
  const inTurn = turns<Result>('the first request with this Idempotency-Key still runs; try again')
  return (call, signal) => {
    if (call.idempotencyKey === undefined) return operation(call, signal)
    const id = idempotencyId('', call, call.idempotencyKey)
    return inTurn(id, () => again(2, ['already_exists', 'aborted'], () => operation(call, signal)))
  }
}

/**
 * `operation` for calls that change what is there: those that change the same run one after the other, so that each begins with what the
 * one before has made. Where another gateway changes it at the same time it is tried again.
 * @throws `aborted` where the one before takes longer than five seconds, or it was changed by others each time
 */
export function oneAtATime<C extends Call<unknown>, Result> (
  operation: Operation<C, Result>, idOf: (input: C['input']) => string
): Operation<C, Result> {
  const inTurn = turns<Result>('another change of it still runs; try again')
  const tried = triedAgain(operation)
  return (call, signal) => inTurn(idOf(call.input), () => tried(call, signal))
}

/**
 * `operation` for calls that change what is there, tried again where another has changed it since it was looked at.
 * @throws `aborted` where that was so each time
 */
export const triedAgain = <C, Result>(operation: Operation<C, Result>): Operation<C, Result> =>
  (call, signal) => again(TRIES, ['aborted'], () => operation(call, signal))

/** What `run` comes to, the last of so many times where it is refused with one of `codes`. */
async function again<Result> (tries: number, codes: readonly Code[], run: () => Promise<Result>): Promise<Result> {
  for (let left = tries - 1; ; left--) {
    try {
      return await run()
    } catch (error) {
      if (left === 0 || !codes.includes(GatewayError.from(error).code)) throw error
    }
  }
}

/** Runs what has one key one after the other. `late` says that the one before takes too long. */
function turns<Result> (late: string) {
  /** When the last run with each key, and all before it, have ended. */
  const turns = new Map<string, Promise<unknown>>()

  return (key: string, run: () => Promise<Result>): Promise<Result> => {
    const before = turns.get(key)
    const result = before === undefined ? run() : soon(before, late).then(run)
    const turn: Promise<void> = Promise.allSettled([before, result]).then(() => { if (turns.get(key) === turn) turns.delete(key) })
    turns.set(key, turn)
    return result
  }
}

/** Resolves when `turn` has. */
async function soon (turn: Promise<unknown>, message: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new GatewayError('aborted', message, { retryAfterSeconds: 1 })), LONGEST_WAIT_MS)
  })
  try {
    await Promise.race([turn, late])
  } finally {
    clearTimeout(timer)
  }
}
