import { step } from '../pipeline/pipeline.js'
import { notFound, type KindNames } from '../resource/kind.js'
import { openRecord, type Opened } from '../resource/sealed-record.js'
import { findVersion, isCurrent, versionGone } from '../resource/versions.js'
import type { Vault } from '../secrets/vault.js'
import type { Store } from '../storage/store.js'

/**
 * Loads the resource whose id `idOf` finds in the input, as the version that the input names, or as it is now.
 * @throws `not_found` where it is gone, whatever is kept of it, or has no such version that may still be read
 */
export const loadVersion = <Input extends { readonly version: string }>(
  store: Store, vault: Vault, kind: KindNames, idOf: (input: Input) => string
) => step('LoadVersion', async ({ input }: { input: Input }): Promise<{ opened: Opened }> => {
    const id = idOf(input)
    const record = await store.find(kind.name, id)
    if (record === undefined) throw notFound(kind, 'id', id)
    const current = await openRecord(vault, record)
    if (isCurrent(input.version, current)) return { opened: current }
    const opened = await findVersion(store, vault, kind, record, input.version)
    if (opened === undefined) throw versionGone(kind, id)
    return { opened }
  })
