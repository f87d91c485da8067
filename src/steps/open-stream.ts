import type { EventStream } from '../events/event-stream.js'
import type { Hub } from '../events/hub.js'
import { step } from '../pipeline/pipeline.js'
import { eventOf, type Auditor, type Happening } from '../resource/audit-event.js'
import { notFound, type KindNames } from '../resource/kind.js'
import type { Store } from '../storage/store.js'

/** Which events: those that have all that is not empty, behind `after`. */
interface Following {
  readonly id: string
  readonly executionId: string
  readonly kind: string
  readonly types: readonly string[]
  readonly after: string
}

interface Needs extends Happening {
  readonly input: Following
}

/**
 * Begins to follow events, and records that once. Of a resource that is gone it tells what is kept of it, to who says behind what.
 * @throws `not_found` of one that is gone, or never was, to who does not; as `Hub.follow`
 */
export const openStream = (store: Store, hub: Hub, audit: Auditor, kind: KindNames) =>
  step('OpenStream', async (ctx: Needs): Promise<{ stream: EventStream }> => {
    const { id, executionId, kind: asked, types, after } = ctx.input
    const record = id === '' ? undefined : await store.find(kind.name, id)
    if (id !== '' && record === undefined && after === '') throw notFound(kind, 'id', id)
    const wanted = {
      id: id || undefined, executionId: executionId || undefined, kind: asked || undefined, types: types.length === 0 ? undefined : types
    }
    const subscription = await hub.follow(wanted, after || undefined)
    audit.recordEventually(eventOf('watched', ctx, record))
    return { stream: { subscription, isThere: async () => id === '' || await store.find(kind.name, id) !== undefined } }
  })
