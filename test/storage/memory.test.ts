import t from 'tap'
import { MemoryStore } from '../../src/storage/memory.js'
import { testStore } from './conformance.js'

testStore(t, { name: 'memory', open: async () => new MemoryStore() })
