import t from 'tap'
import { postgresSupports as supports } from '../../../src/engines/postgres/postgres.js'
import { testDeliveries } from '../../storage/conformance-deliveries.js'
import { postgresEngines } from './support.js'

const { open, timed } = await postgresEngines(t)

testDeliveries(t, {
  name: 'PostgreSQL',
  supports,
  open: async (directory, clock) => {
    const engine = await open(directory, clock)
    return { ...engine, ...await timed(directory, engine, clock) }
  }
})
