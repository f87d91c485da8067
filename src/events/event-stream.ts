import type { Subscription } from './subscription.js'

/** What an operation answers to who follows events. */
export interface EventStream {
  readonly subscription: Subscription
  /** Whether there is what is followed, or may be. */
  isThere (): Promise<boolean>
}

/** Events as an operation answers them, and the position where to go on. */
export interface EventPage {
  readonly events: Awaited<ReturnType<Subscription['next']>>
  readonly next: string
}
