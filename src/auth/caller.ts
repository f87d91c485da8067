/** What a caller may do: an `operator` all, a `viewer` read without secrets. */
export type Role = 'operator' | 'viewer'

/** Who calls. A transport finds it out (authentication), the pipeline decides what it may do (`Authorize`). */
export interface Caller {
  /**
   * `system` is whoever reaches a gateway that has no credentials configured, over loopback; `token`, `jwt` and `run`
   * showed a static token, a JWT, or the token of one context; `anonymous` showed nothing.
   */
  readonly kind: 'system' | 'token' | 'jwt' | 'run' | 'anonymous'
  /** As it appears in a resource's audit block: bounded, and safe in a log. */
  readonly name: string
  /** A caller without a role has no rights but, with `run`, those over its own context. */
  readonly role?: Role
  /** The context that a `run` token is for. */
  readonly contextId?: string
  /** That context's slug. */
  readonly slug?: string
}

export const SYSTEM: Caller = Object.freeze({ kind: 'system', name: 'system', role: 'operator' })
export const ANONYMOUS: Caller = Object.freeze({ kind: 'anonymous', name: 'anonymous' })
