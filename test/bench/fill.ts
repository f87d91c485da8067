// node fill.js <directory> <count>: makes a database that holds the first `count` contexts, written many at once.
import { LevelStore } from '../../src/storage/level.js'
import { recordOf } from './record.js'

const IN_FLIGHT = 512

const [directory = '', count = ''] = process.argv.slice(2)
const store = await LevelStore.open(directory)
let next = 0
await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
  while (next < Number(count)) await store.insert(recordOf(next++))
}))
await store.close()
