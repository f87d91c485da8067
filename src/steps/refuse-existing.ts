import { step } from '../pipeline/pipeline.js'
import type { StoredRecord } from '../storage/store.js'
import { alreadyExists, type Resource, type ResourceKind } from '../resource/kind.js'

/** Makes an apply create-only, for a kind that is immutable. */
export const refuseExisting = <R extends Resource>(kind: ResourceKind<R>) =>
  step('RefuseExisting', ({ existing, slug }: { existing: StoredRecord | undefined, slug: string }) => {
    if (existing !== undefined) throw alreadyExists(kind, slug, existing.id)
  })
