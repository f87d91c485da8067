import { step } from '../pipeline/pipeline.js'
import type { Store } from '../storage/store.js'
import type { Resource, ResourceKind } from '../resource/kind.js'

/** Loads the resource that holds the slug, if there is one. What an existing one means, the next step decides. */
export const loadForApply = <R extends Resource>(store: Store, kind: ResourceKind<R>) =>
  step('LoadForApply', async ({ slug }: { slug: string }) => ({ existing: await store.findBySlug(kind.name, slug) }))
