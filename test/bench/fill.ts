// node fill.js <directory> <count> [<live>]: makes a data directory that holds the first `count` contexts, written many at once. Where
// `live` is given only so many are alive, and all others have expired.
import { join } from 'node:path'
import { RingFile } from '../../src/engines/embedded/keys/ring-file.js'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { TreeFiles } from '../../src/engines/embedded/trees/tree-files.js'
import { KeyRing } from '../../src/secrets/ring.js'
import { Trees } from '../../src/secrets/trees.js'
import { vaultOf } from '../../src/secrets/vault.js'
import { recordOf } from './record.js'

const IN_FLIGHT = 512

const [directory = '', count = '', live = count] = process.argv.slice(2)
const DAY = 86_400_000
const store = await LevelStore.open(join(directory, 'db'))
const ring = await KeyRing.open({ store: new RingFile(join(directory, 'keyring.json')) })
const vault = vaultOf(ring, new Trees(new TreeFiles(join(directory, 'shred'), store)))
let next = 0
await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
  while (next < Number(count)) await store.insert(await recordOf(next, vault, next++ < Number(live) ? DAY : 1))
}))
await store.integrity.accept(ring, [])
await store.close()
