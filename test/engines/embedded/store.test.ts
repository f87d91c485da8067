import t from 'tap'
import { embeddedSupports as supports } from '../../../src/engines/embedded/embedded.js'
import { LevelStore } from '../../../src/engines/embedded/level/level-store.js'
import { testStore } from '../../storage/conformance.js'

testStore(t, { name: 'LevelDB', supports, open: LevelStore.open })
