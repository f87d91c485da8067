import { step } from '../pipeline/pipeline.js'
import { alreadyExists, type KindNames } from '../resource/kind.js'
import type { Opened } from '../resource/sealed-record.js'

/** Makes an apply create-only, for a kind that is immutable. */
export const refuseExisting = (kind: KindNames) =>
  step('RefuseExisting', ({ existing, slug }: { existing: Opened | undefined, slug: string }) => {
    if (existing !== undefined) throw alreadyExists(kind, slug, existing.record.id)
  })
