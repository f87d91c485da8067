import { step } from '../pipeline/pipeline.js'
import type { LoadedBatch } from '../resource/answers.js'
import type { KindNames } from '../resource/kind.js'
import { openRecord } from '../resource/sealed-record.js'
import type { Vault } from '../secrets/vault.js'
import type { Store } from '../storage/store.js'

/** Loads the resources that the input names by their ids, each once, in that order, and says which are not there. */
export const loadBatch = (store: Store, vault: Vault, kind: KindNames) =>
  step('LoadBatch', async ({ input }: { input: { readonly ids: readonly string[] } }): Promise<{ batch: LoadedBatch }> => {
    const found = await Promise.all([...new Set(input.ids)].map(async id => {
      const record = await store.find(kind.name, id)
      return record === undefined ? id : openRecord(vault, record)
    }))
    return {
      batch: {
        opened: found.filter(opened => typeof opened !== 'string'),
        notFound: found.filter(opened => typeof opened === 'string')
      }
    }
  })
