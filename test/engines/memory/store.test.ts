import t from 'tap'
import { memorySupports as supports } from '../../../src/engines/memory/memory.js'
import { MemoryStore } from '../../../src/engines/memory/memory-store.js'
import { testStore } from '../../storage/conformance.js'

testStore(t, { name: 'memory', supports, open: async () => new MemoryStore() })
