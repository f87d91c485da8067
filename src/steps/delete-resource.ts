import { GatewayError } from '../errors.js'
import { commit } from '../pipeline/pipeline.js'
import type { Store, StoredRecord } from '../storage/store.js'
import { notFound, type KindNames } from '../resource/kind.js'

/**
 * Removes the loaded resource and adds it as it was; of many at once exactly one succeeds. `onlyRevisions`, where
 * the caller gave some, are the only ones it may have.
 */
export const deleteResource = (store: Store, kind: KindNames) =>
  commit('DeleteResource', async (
    { existing, onlyRevisions }: { existing: StoredRecord, onlyRevisions: readonly number[] | undefined }
  ) => {
    if (onlyRevisions !== undefined && !onlyRevisions.includes(existing.revision)) {
      throw new GatewayError(
        'failed_precondition',
        `${kind.title} '${existing.id}' has another revision than the ones given; read it again`
      )
    }
    const record = await store.remove(kind.name, existing.id, existing.revision)
    if (record === undefined) throw notFound(kind, 'id', existing.id)
    return { record }
  })
