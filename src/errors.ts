/**
 * The closed set of error codes: google.rpc.Code in lower case, and two of our own. What each means on HTTP stands in
 * `src/rest/problem.ts`.
 */
export const CODES = [
  'invalid_argument', 'unauthenticated', 'permission_denied', 'not_found', 'already_exists', 'aborted',
  'failed_precondition', 'out_of_range', 'resource_exhausted', 'unimplemented', 'unavailable', 'deadline_exceeded', 'internal',
  'idempotency_key_reused', 'not_representable'
] as const
export type Code = typeof CODES[number]

/** One thing wrong with an input: where (RFC 6901 JSON pointer) and what. Neither holds a value that was sent. */
export interface Violation {
  readonly pointer: string
  readonly detail: string
}

interface Details {
  readonly cause?: unknown
  readonly violations?: readonly Violation[]
  /** The id of the resource that is in the way, with `already_exists`. */
  readonly existingId?: string
  /** When it may be worth trying again. */
  readonly retryAfterSeconds?: number
}

/** What the system or Node calls the failure: of a closed set. */
export function codeOf (error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code
  }
  return 'unknown reason'
}

const LOG_HAS_IT = /[;,] (?:and see )?the log (?:for|has) its reason/

/**
 * The one error class. `message` is written for the caller: it says what to do and never holds a secret, a stack or
 * another program's text. That belongs in `cause`, which only the log sees.
 */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly violations: readonly Violation[]
  readonly existingId: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor (readonly code: Code, message: string, { cause, violations = [], existingId, retryAfterSeconds }: Details = {}) {
    super(message, { cause })
    this.violations = violations
    this.existingId = existingId
    this.retryAfterSeconds = retryAfterSeconds
  }

  /** The message for whoever sees no log: the code of the cause stands for what that has. */
  get withoutLog (): string {
    const { cause } = this
    return this.message.replace(LOG_HAS_IT, cause instanceof Error && 'code' in cause ? ` (${cause.code})` : '')
  }

  /** The GatewayError that `thrown` is or was caused by; anything else is `internal`, and becomes the cause. */
  static from (thrown: unknown): GatewayError {
    for (let error = thrown; error instanceof Error; error = error.cause) {
      if (error instanceof GatewayError) return error
      if (error.name === 'TimeoutError') {
        return new GatewayError(
          'deadline_exceeded',
          'the operation took too long; try again',
          { cause: thrown }
        )
      }
      if (error.name === 'AbortError') return new GatewayError('aborted', 'the operation was cancelled', { cause: thrown })
    }
    return new GatewayError('internal', 'an unexpected error happened; the log has it under this request_id', { cause: thrown })
  }
}

/** As many violations are worth listing: a body of some MiB can break the rules half a million times, and nobody reads on. */
export const MOST_VIOLATIONS = 100

/** The first violation of each place says enough of it. Stops at the most that are worth listing. */
export function oneEach (violations: Iterable<Violation>): Violation[] {
  const byPointer = new Map<string, Violation>()
  for (const violation of violations) {
    if (byPointer.size === MOST_VIOLATIONS) break
    if (!byPointer.has(violation.pointer)) byPointer.set(violation.pointer, violation)
  }
  return [...byPointer.values()]
}

/** `invalid_argument` that lists every violation. */
export function invalidArgument (found: readonly Violation[]): GatewayError {
  const violations = found.map(({ pointer, detail }) => ({ pointer: readable(pointer), detail }))
  const [first] = violations
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : ''
  return new GatewayError(
    'invalid_argument',
    first === undefined ? 'invalid input' : `${first.pointer || 'the body'} ${first.detail}${more}`,
    { violations }
  )
}

// The longest to what a request may hold is shorter. A name that was sent may have any length, and halves of surrogate pairs.
const LONGEST_POINTER = 1024

const readable = (pointer: string): string =>
  (pointer.length > LONGEST_POINTER ? `${pointer.slice(0, LONGEST_POINTER)}…` : pointer).toWellFormed()

/** An RFC 6901 JSON pointer to `path`. */
export const jsonPointer = (path: ReadonlyArray<string | number>): string =>
  path.map(part => '/' + String(part).replaceAll('~', '~0').replaceAll('/', '~1')).join('')
