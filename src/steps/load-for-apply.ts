import { step } from '../pipeline/pipeline.js'
import type { KindNames, Resource } from '../resource/kind.js'
import { openRecord } from '../resource/sealed-record.js'
import type { Vault } from '../secrets/vault.js'
import type { Store } from '../storage/store.js'

/** Loads the resource that holds the slug, if there is one. What an existing one means, the next step decides. */
export const loadForApply = (store: Store, vault: Vault, kind: KindNames) =>
  step('LoadForApply', async ({ input, slug }: { input: Resource, slug: string }) => {
    const record = await store.findBySlug(kind.name, kind.scopeOf(input.metadata?.org ?? ''), slug)
    return { existing: record && await openRecord(vault, record) }
  })
