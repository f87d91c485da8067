import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import type { Store } from '../../src/storage/store.js'

/** A store that can be closed, and that fails with `error` whatever else it is asked. */
export const failingStore = (error: Error): Store => new Proxy(new MemoryStore(), {
  get: (_, method) => async () => { if (method !== 'close') throw error }
})
