import { AuditRelay } from '../../audit/audit-relay.js'
import type { OpenEngine, Supports } from '../engine.js'
import { LocalDeliveries } from '../local-deliveries.js'
import { MemoryJournal } from './memory-journal.js'
import { MemoryRing } from './memory-ring.js'
import { MemoryStore } from './memory-store.js'
import { MemoryTrees } from './memory-trees.js'

export const memorySupports: Supports = { durable: false, sharedKeys: false }

/** Everything in the memory of this process, and no file: for trying out, and for tests. */
export const openMemory: OpenEngine = async (_config, clock, warn, sink) => {
  warn('ECTX_STORE is memory: contexts, the keys that seal them and the audit log are gone when this process ends')
  const store = new MemoryStore(clock)
  const audit = new AuditRelay(store.outbox, new MemoryJournal(), { clock, warn, sink })
  const deliveries = new LocalDeliveries(store.feed, clock)
  return {
    supports: memorySupports,
    store,
    feed: store.feed,
    deliveries,
    audit,
    keys: new MemoryRing(),
    trees: new MemoryTrees(),
    async close () {
      await deliveries.close()
      await audit.close()
      await store.close()
    }
  }
}
