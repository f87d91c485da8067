import { join } from 'node:path'
import t from 'tap'
import { embeddedSupports as supports } from '../../../src/engines/embedded/embedded.js'
import { testTrees } from '../../secrets/conformance-trees.js'
import { unsealed } from './trees/support.js'
import { TreeFiles } from '../../../src/engines/embedded/trees/tree-files.js'

testTrees(t, { name: 'tree files', supports, open: async directory => new TreeFiles(join(directory, 'shred'), unsealed()) })
