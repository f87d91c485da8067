import { step } from '../pipeline/pipeline.js'
import type { Store } from '../storage/store.js'
import { alreadyExists, type KindNames } from '../resource/kind.js'

/** Refuses a slug that is already taken. A courtesy that spares the work: `Persist` is what guarantees it. */
export const checkDuplicate = (store: Store, kind: KindNames) =>
  step('CheckDuplicate', async ({ slug }: { slug: string }) => {
    const existing = await store.findBySlug(kind.name, slug)
    if (existing !== undefined) throw alreadyExists(kind, slug, existing.id)
  })
