import t from 'tap'
import { LevelStore } from '../../src/storage/level.js'
import { testStore } from './conformance.js'

testStore(t, { name: 'LevelDB', open: LevelStore.open })
