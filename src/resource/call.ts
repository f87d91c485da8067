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

/** What was shown of a resource: one view of one of its revisions. */
export interface Shown {
  readonly id: string
  readonly revision: number
  readonly view: View
}

/** A call that reads a resource. */
export interface ReadCall<Input> extends Call<Input> {
  /** What the caller has already, and needs no more than to be told so: these, or whatever there is. */
  readonly held?: readonly Shown[] | 'any' | undefined
  /** Whether to tell only how many bytes the resource is, and show nothing of it. */
  readonly sizeOnly?: boolean
}

/** A call that its caller may repeat. */
export interface NamedCall<Input> extends Call<Input> {
  /** What the caller calls this call, so that to repeat it makes nothing twice. */
  readonly idempotencyKey?: string | undefined
}

/** A call that makes a resource. */
export interface CreateCall<Input> extends NamedCall<Input> {
  /** Whether the answer brings a run token for the new resource. */
  readonly wantsRunToken: boolean
}
