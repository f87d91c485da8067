import { step } from '../pipeline/pipeline.js'
import type { StoredRecord } from '../storage/store.js'
import { alreadyExists, type KindNames } from '../resource/kind.js'

/** Makes an apply create-only, for a kind that is immutable. */
export const refuseExisting = (kind: KindNames) =>
  step('RefuseExisting', ({ existing, slug }: { existing: StoredRecord | undefined, slug: string }) => {
    if (existing !== undefined) throw alreadyExists(kind, slug, existing.id)
  })
