import { step } from '../pipeline/pipeline.js'
import { notFound, type KindNames } from '../resource/kind.js'
import { openRecord } from '../resource/sealed-record.js'
import type { Vault } from '../secrets/vault.js'
import type { Store } from '../storage/store.js'

/** Loads the resource whose id `idOf` finds in the input. */
export const loadTarget = <Input>(store: Store, vault: Vault, kind: KindNames, idOf: (input: Input) => string) =>
  step('LoadTarget', async ({ input }: { input: Input }) => {
    const id = idOf(input)
    const record = await store.find(kind.name, id)
    if (record === undefined) throw notFound(kind, 'id', id)
    return { opened: await openRecord(vault, record) }
  })
