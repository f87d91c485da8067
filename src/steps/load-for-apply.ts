import { step } from '../pipeline/pipeline.js'
import type { Store } from '../storage/store.js'
import type { KindNames } from '../resource/kind.js'

/** Loads the resource that holds the slug, if there is one. What an existing one means, the next step decides. */
export const loadForApply = (store: Store, kind: KindNames) =>
  step('LoadForApply', async ({ slug }: { slug: string }) => ({ existing: await store.findBySlug(kind.name, slug) }))
