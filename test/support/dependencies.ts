import type { AuditEvent } from '../../src/audit/event.js'
import { systemClock } from '../../src/clock.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { MemoryTrees } from '../../src/engines/memory/memory-trees.js'
import type { Dependencies } from '../../src/kinds/dependencies.js'
import { ringKey } from '../../src/secrets/ring-key.js'
import { Trees } from '../../src/secrets/trees.js'
import { vaultOf } from '../../src/secrets/vault.js'
import type { Store } from '../../src/storage/store.js'

const trees = new MemoryTrees()

/** A vault that always has the same key, and one tree in all of a file's tests. */
export const testVault = () => {
  const key = ringKey(`key-${'0'.repeat(26)}`, Buffer.alloc(32, 7))
  return vaultOf({ current: () => key, key: () => key }, new Trees(trees))
}

/** All that operations need, in memory; `events` fills with what they record. */
export function testDependencies (store: Store = new MemoryStore()): Dependencies & { events: AuditEvent[] } {
  const events: AuditEvent[] = []
  return {
    store,
    vault: testVault(),
    clock: systemClock,
    lifetimes: { defaultMs: 86_400_000, maxMs: 7 * 86_400_000 },
    events,
    audit: {
      admit () {},
      record: async event => { events.push(event) },
      recordEventually: event => { events.push(event) },
      query: async () => ({ events: [], verified: true })
    }
  }
}
