import { step } from '../pipeline/pipeline.js'
import type { Store } from '../storage/store.js'
import { notFound, type KindNames } from '../resource/kind.js'

/** Loads what is to be deleted. */
export const loadExistingForDelete = (store: Store, kind: KindNames) =>
  step('LoadExistingForDelete', async ({ id }: { id: string }) => {
    const existing = await store.find(kind.name, id)
    if (existing === undefined) throw notFound(kind, 'id', id)
    return { existing }
  })
