import { step } from '../pipeline/pipeline.js'
import { alreadyExists, type KindNames } from '../resource/kind.js'
import { openRecord } from '../resource/sealed-record.js'
import type { Vault } from '../secrets/vault.js'
import type { Store } from '../storage/store.js'
import type { Resource } from '../resource/kind.js'

/** Refuses a slug that is already taken. A courtesy that spares the work: `Persist` is what guarantees it. */
export const checkDuplicate = (store: Store, vault: Vault, kind: KindNames) =>
  step('CheckDuplicate', async ({ input, slug }: { input: Resource, slug: string }) => {
    const existing = await store.findBySlug(kind.name, kind.scopeOf(input.metadata?.org ?? ''), slug)
    if (existing === undefined) return
    await openRecord(vault, existing)
    throw alreadyExists(kind, slug, existing.id)
  })
