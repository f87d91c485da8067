import { randomBytes } from 'node:crypto'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { embeddedSupports as supports } from '../../../src/engines/embedded/embedded.js'
import { TreeFiles } from '../../../src/engines/embedded/trees/tree-files.js'
import { ringKey } from '../../../src/secrets/ring-key.js'
import { Trees } from '../../../src/secrets/trees.js'
import { testTrees } from '../../secrets/conformance-trees.js'
import { TestClock } from '../../support/clock.js'
import { newDataDir } from '../../support/data-dir.js'
import { unsealed } from './trees/support.js'

testTrees(t, { name: 'tree files', supports, open: async directory => new TreeFiles(join(directory, 'shred'), unsealed()) })

t.test('a tree that is taken away is noticed within a second, and nothing is sealed until it is back', async t => {
  const directory = newDataDir(t)
  const [shred, away] = [join(directory, 'shred'), join(directory, 'away')]
  const clock = new TestClock()
  const key = ringKey(`key-${'a'.repeat(26)}`, randomBytes(32))
  const inUse = new Set<string>()
  const tree = new Trees(new TreeFiles(shred, unsealed(inUse)), clock).of(key)
  const { leaf, secret } = await tree.newLeaf()
  inUse.add(key.id)
  renameSync(shred, away)
  clock.time += 1_000
  await t.rejects(async () => tree.newLeaf(), { code: 'unavailable', message: /missing in shred\// })
  renameSync(away, shred)
  t.not((await tree.newLeaf()).leaf, leaf)
  t.same(await tree.secretOf(leaf), secret)
})
