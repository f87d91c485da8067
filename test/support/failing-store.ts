import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import type { LoggedStore } from './gateway.js'

/** A store that can be closed, and that fails with `error` whatever else it is asked. */
export const failingStore = (error: Error): LoggedStore => new Proxy(new MemoryStore(), {
  get: (store, member) => member === 'outbox' || member === 'feed' ? store[member] : async () => { if (member !== 'close') throw error }
})
