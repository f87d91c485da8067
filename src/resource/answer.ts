import type { View } from './call.js'

/** A resource as an operation answers it, for any transport. */
export interface Answer<R> {
  readonly id: string
  readonly revision: number
  readonly view: View
  /** The resource as JSON, ready to send. */
  readonly json: string
  /** The names of the secrets that it shows; absent where it shows none. */
  readonly revealed?: readonly string[]
  /** The resource as a message, decoded for each who asks. */
  message (): R
}
