import t from 'tap'
import { memorySupports as supports } from '../../../src/engines/memory/memory.js'
import { MemoryTrees } from '../../../src/engines/memory/memory-trees.js'
import { testTrees } from '../../secrets/conformance-trees.js'

testTrees(t, { name: 'memory', supports, open: async () => new MemoryTrees() })
