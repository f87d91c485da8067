import type { Caller } from '../auth/caller.js'

/** How much of a resource is shown: all of it, or all but the values of its secrets. */
export type View = 'full' | 'redacted'

/** Who calls, and from where: what the audit log tells of every operation. */
export interface Origin {
  readonly caller: Caller
  readonly requestId: string
  readonly remoteAddress?: string
}

/** What every operation starts from, whatever transport brought it. */
export interface Call<Input> {
  readonly origin: Origin
  readonly input: Input
  /** Where the caller does not say: `full` if it may reveal secrets, else `redacted`. */
  readonly requestedView?: View
}

/** A call that makes a resource. */
export interface CreateCall<Input> extends Call<Input> {
  /** Whether the answer brings a run token for the new resource. */
  readonly wantsRunToken: boolean
}
