import t from 'tap'
import { postgresSupports as supports } from '../../../src/engines/postgres/postgres.js'
import { testTrees } from '../../secrets/conformance-trees.js'
import { postgresEngines } from './support.js'

const { trees } = await postgresEngines(t)

testTrees(t, { name: 'tree tables', supports, open: trees })
