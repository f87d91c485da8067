import { GatewayError } from '../errors.js'
import { commit } from '../pipeline/pipeline.js'
import type { Answer } from '../resource/answer.js'
import { deletedEvent, type Happening } from '../resource/audit-event.js'
import { notFound, type Resource, type ResourceKind } from '../resource/kind.js'
import { resourceEvent } from '../resource/resource-event.js'
import { removeVersions } from '../resource/versions.js'
import type { Store, StoredRecord } from '../storage/store.js'

interface Needs<R> extends Happening {
  readonly existing: StoredRecord
  readonly shown: Answer<R> | GatewayError
}

/** Removes the loaded resource, and in the same commit tells that it is gone, and shredded; of many at once exactly one succeeds. */
export const deleteResource = <R extends Resource>(store: Store, kind: ResourceKind<R>) =>
  commit('DeleteResource', async (ctx: Needs<R> | Needs<R> & { readonly shredded: boolean }): Promise<{ answer: Answer<R> }> => {
    const { existing: { id, revision }, shown } = ctx
    const revealed = shown instanceof GatewayError ? undefined : shown.revealed
    const shredded = 'shredded' in ctx && ctx.shredded
    const removed = await store.remove(kind.name, id, [revision], record => ({
      events: [resourceEvent('deleted', record, ctx.origin)],
      audit: [deletedEvent(ctx, record, shredded, revealed)]
    }))
    if (removed === undefined) throw notFound(kind, 'id', id)
    await removeVersions(store, kind, removed)
    if (shown instanceof GatewayError) {
      const { code, message } = shown
      throw new GatewayError(code, `${kind.title} '${id}' was deleted, and cannot be shown as it was: ${message}`, { cause: shown })
    }
    return { answer: shown }
  })
