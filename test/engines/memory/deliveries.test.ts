import t from 'tap'
import { memorySupports as supports, openMemory } from '../../../src/engines/memory/memory.js'
import { loadConfig } from '../../../src/config/config.js'
import { testDeliveries } from '../../storage/conformance-deliveries.js'

testDeliveries(t, { name: 'memory', supports, open: (_, clock) => openMemory(loadConfig({}), clock, () => {}) })
