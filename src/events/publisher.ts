import { readResourceEvent } from '../resource/resource-event.js'
import type { Change } from '../storage/feed.js'
import { cloudEvent } from './cloud-event.js'

/** An event as it is published. */
export interface Outgoing {
  /** Its position in the feed: the same whenever it is published. */
  readonly id: string
  /** The resource that it is about; those of one are published in order. Empty where the store has lost that. */
  readonly about: string
  /** The kind of that, and what happened to it, with a dot between them; `lost` where the store has lost both. */
  readonly topic: string
  /** Milliseconds since 1970. */
  readonly time: number
  /** A CloudEvent, in the structured form. */
  readonly json: string
}

/** Where events go. */
export interface Publisher {
  /** How many events it takes at once now. */
  readonly most: number
  /**
   * Publishes events in their order, as many as `most` was when they were first published, or fewer. Resolves when whoever gets them has
   * acknowledged all. Where it rejects any of them may have arrived, and all are to be published again, together.
   * @param signal cuts it off; it is for this call alone
   * @throws `unavailable` where they may be taken later; `failed_precondition` where they are refused, and perhaps only some of them.
   * Neither tells anything of what was received, nor of the address.
   */
  publish (events: readonly Outgoing[], signal: AbortSignal): Promise<void>
  close (): Promise<void>
}

/** Which events are published, and in what form: all, as CloudEvents. */
export function outgoing ({ position, time, event }: Change): Outgoing {
  const told = event && readResourceEvent(event)
  return {
    id: position,
    about: told === undefined ? '' : `${told.kind} ${told.id}`,
    topic: told === undefined ? 'lost' : `${told.kind}.${told.type}`,
    time,
    json: cloudEvent({ position, time, event: told })
  }
}
