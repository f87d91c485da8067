import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import type { KindNames } from '../resource/kind.js'
import type { StoredRecord } from '../storage/store.js'

interface Needs {
  readonly existing: StoredRecord
  readonly onlyRevisions: readonly number[] | undefined
}

/** Ends the run where the caller gave revisions that alone may be deleted, and the loaded resource has none of them. */
export const checkRevision = (kind: KindNames) => step('CheckRevision', ({ existing: { id, revision }, onlyRevisions }: Needs) => {
  if (onlyRevisions !== undefined && !onlyRevisions.includes(revision)) {
    throw new GatewayError('failed_precondition', `${kind.title} '${id}' has another revision than the ones given; read it again`)
  }
})
