import type { Shown } from './call.js'

/** A resource as an operation answers it, for any transport. */
export interface Answer<R> extends Shown {
  /** The resource as JSON, ready to send. */
  readonly json: string
  /** The names of the secrets that it shows; absent where it shows none. */
  readonly revealed?: readonly string[]
  /** The resource as a message, decoded for each who asks. */
  message (): R
}

/** A resource of which no more was wanted than its size, in bytes of JSON, or nothing at all, since the caller has it. */
export interface Unshown extends Shown {
  readonly bytes?: number
}

/** How a read ends. */
export type Reading<R> = Answer<R> | Unshown
