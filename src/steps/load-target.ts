import { step } from '../pipeline/pipeline.js'
import { notFound, type KindNames } from '../resource/kind.js'
import { openRecord } from '../resource/sealed-record.js'
import type { Vault } from '../secrets/vault.js'
import type { Store } from '../storage/store.js'

/** Loads the resource that the input names by its id. */
export const loadTarget = (store: Store, vault: Vault, kind: KindNames) =>
  step('LoadTarget', async ({ input }: { input: { readonly value: string } }) => {
    const record = await store.find(kind.name, input.value)
    if (record === undefined) throw notFound(kind, 'id', input.value)
    return { opened: await openRecord(vault, record) }
  })
