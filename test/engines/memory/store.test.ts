import t from 'tap'
import { AuditRelay } from '../../../src/audit/audit-relay.js'
import { memorySupports as supports } from '../../../src/engines/memory/memory.js'
import { MemoryJournal } from '../../../src/engines/memory/memory-journal.js'
import { MemoryStore } from '../../../src/engines/memory/memory-store.js'
import { testStore } from '../../storage/conformance.js'

testStore(t, {
  name: 'memory',
  supports,
  open: async (_, clock) => {
    const store = new MemoryStore(clock)
    const audit = new AuditRelay(store.outbox, new MemoryJournal())
    return { store, feed: store.feed, audit, close: () => audit.close().then(() => store.close()) }
  }
})
