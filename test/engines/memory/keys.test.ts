import t from 'tap'
import { memorySupports as supports } from '../../../src/engines/memory/memory.js'
import { MemoryRing } from '../../../src/engines/memory/memory-ring.js'
import { testKeys } from '../../secrets/conformance.js'

testKeys(t, { name: 'memory', supports, open: () => new MemoryRing() })
