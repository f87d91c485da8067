/** Who calls. A transport finds it out (authentication), the pipeline decides what it may do (`Authorize`). */
export interface Caller {
  /** `system` is whoever reaches a gateway that has no credentials configured, over loopback; `anonymous` is anybody else. */
  readonly kind: 'system' | 'anonymous'
  /** As it appears in a resource's audit block. */
  readonly name: string
}

export const SYSTEM: Caller = Object.freeze({ kind: 'system', name: 'system' })
export const ANONYMOUS: Caller = Object.freeze({ kind: 'anonymous', name: 'anonymous' })
