import { openRecord } from '../../resource/sealed-record.js'
import type { Vault } from '../../secrets/vault.js'
import type { Store } from '../../storage/store.js'
import { executionContextKind as kind } from './kind.js'

/**
 * Looks up what a live context keeps of its run token, where it has one: so a token dies with its context. What somebody wrote
 * into the store is not believed.
 */
export const runTokenOf = (store: Store, vault: Vault) =>
  async (contextId: string): Promise<{ hash: Uint8Array, slug: string } | undefined> => {
    const record = await store.find(kind.name, contextId)
    if (record === undefined) return undefined
    const { accessHash } = await openRecord(vault, record)
    return accessHash.length === 0 ? undefined : { hash: accessHash, slug: record.slug ?? '' }
  }
