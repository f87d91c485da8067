import { GatewayError } from '../errors.js'
import { commit } from '../pipeline/pipeline.js'
import type { Answer } from '../resource/answer.js'
import { eventOf, type Happening } from '../resource/audit-event.js'
import { notFound, type Resource, type ResourceKind } from '../resource/kind.js'
import type { Store, StoredRecord } from '../storage/store.js'

interface Needs<R> extends Happening {
  readonly existing: StoredRecord
  readonly shown: Answer<R> | GatewayError
  readonly onlyRevisions: readonly number[] | undefined
}

/**
 * Removes the loaded resource, and with it in one commit records that it is gone; of many at once exactly one succeeds.
 * `onlyRevisions`, where the caller gave some, are the only ones it may have.
 */
export const deleteResource = <R extends Resource>(store: Store, kind: ResourceKind<R>) =>
  commit('DeleteResource', async (ctx: Needs<R>): Promise<{ answer: Answer<R> }> => {
    const { existing: { id, revision }, shown, onlyRevisions } = ctx
    if (onlyRevisions !== undefined && !onlyRevisions.includes(revision)) {
      throw new GatewayError('failed_precondition', `${kind.title} '${id}' has another revision than the ones given; read it again`)
    }
    const revealed = shown instanceof GatewayError ? undefined : shown.revealed
    const removed = await store.remove(kind.name, id, [revision], record => ({ audit: [eventOf('deleted', ctx, record, revealed)] }))
    if (removed === undefined) throw notFound(kind, 'id', id)
    if (shown instanceof GatewayError) {
      const { code, message } = shown
      throw new GatewayError(code, `${kind.title} '${id}' was deleted, and cannot be shown as it was: ${message}`, { cause: shown })
    }
    return { answer: shown }
  })
