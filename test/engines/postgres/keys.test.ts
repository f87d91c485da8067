import t from 'tap'
import { postgresSupports as supports } from '../../../src/engines/postgres/postgres.js'
import { testKeys } from '../../secrets/conformance.js'
import { postgresEngines } from './support.js'

const { ring } = await postgresEngines(t)

testKeys(t, { name: 'key table', supports, open: ring })
