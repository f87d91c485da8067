import { accessHashOf } from '../../resource/sealed-body.js'
import type { Store } from '../../storage/store.js'
import { executionContextKind as kind } from './kind.js'

/** Looks up what a live context keeps of its run token, where it has one: so a token dies with its context. */
export const runTokenOf = (store: Store) => async (contextId: string): Promise<{ hash: Uint8Array, slug: string } | undefined> => {
  const record = await store.find(kind.name, contextId)
  const hash = record && accessHashOf(record)
  return hash && { hash, slug: record!.slug }
}
