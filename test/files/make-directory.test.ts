import { mkdirSync, statSync, symlinkSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeDirectory } from '../../src/files/make-directory.js'

t.test('makes what is absent, for this user alone, and leaves alone what is there', async t => {
  const home = t.testdir()
  mkdirSync(join(home, 'open'), { mode: 0o755 })
  symlinkSync('open', join(home, 'link'))
  await makeDirectory(join(home, 'link', 'a', 'b'))
  t.equal(statSync(join(home, 'open', 'a')).mode & 0o777, 0o700)
  t.equal(statSync(join(home, 'open', 'a', 'b')).mode & 0o777, 0o700)
  await makeDirectory(join(home, 'open'))
  t.equal(statSync(join(home, 'open')).mode & 0o777, 0o755)
  await Promise.all(Array.from({ length: 20 }, () => makeDirectory(join(home, 'many', 'at', 'once'))))
  t.ok(statSync(join(home, 'many', 'at', 'once')).isDirectory())
})

t.test('of a disk that is read-only it says so, and not that something is absent', async t => {
  const refused: string[] = []
  const { makeDirectory: make } = await t.mockImport<typeof import('../../src/files/make-directory.js')>('../../src/files/make-directory.js', {
    // Nothing but the home is there; and as Node does, a recursive mkdir tells another reason than the system's.
    'node:fs/promises': t.createMock(fs, {
      mkdir: async (path: string, { recursive = false }) => {
        refused.push(path)
        const code = recursive || path !== join(t.testdirName, 'a') ? 'ENOENT' : 'EROFS'
        throw Object.assign(new Error(code), { code })
      }
    })
  })
  await t.rejects(make(join(t.testdir(), 'a', 'b', 'c')), { code: 'EROFS' })
  t.equal(refused.at(-1), join(t.testdirName, 'a'))
})
