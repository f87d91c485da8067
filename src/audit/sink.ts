/** Where the events of the log go too, besides the engine. */
export interface Sink {
  /** Whether what is to be durable before it is answered must have been sent before that too. */
  readonly isRequired: boolean
  /** @throws `unavailable` where it is required, and nothing can be sent now */
  admit (): void
  /**
   * Sends each of `lines`, in order, behind all that was given before. Resolves when they are sent, and rejects with `unavailable`
   * where that is not now: they are sent later, unless too many wait.
   */
  send (kind: 'event' | 'head', lines: readonly string[]): Promise<void>
  /** Sends what waits, once, where it can. */
  close (): Promise<void>
}
