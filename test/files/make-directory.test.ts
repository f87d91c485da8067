import { mkdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeDirectory } from '../../src/files/make-directory.js'
import { replaceMkdir } from '../support/replace-mkdir.js'

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
  // Nothing but the home is there; and as Node does, a recursive mkdir tells another reason than the system's.
  const home = t.testdir()
  replaceMkdir(t, async (path, { recursive = false }) => {
    refused.push(path)
    const code = recursive || path !== join(home, 'a') ? 'ENOENT' : 'EROFS'
    throw Object.assign(new Error(code), { code })
  })
  await t.rejects(makeDirectory(join(home, 'a', 'b', 'c')), { code: 'EROFS' })
  t.equal(refused.at(-1), join(home, 'a'))
})

t.test('another process that makes the parent, or the directory itself, meanwhile is no obstacle', async t => {
  for (const [madeMeanwhile, tells] of [['a', 'ENOENT'], ['a/b', 'EEXIST']] as const) {
    const home = t.testdir()
    let isFirst = true
    replaceMkdir(t, async path => {
      if (isFirst) {
        isFirst = false
        mkdirSync(join(home, madeMeanwhile), { recursive: true })
        throw Object.assign(new Error(tells), { code: tells })
      }
      mkdirSync(path)
    })
    await makeDirectory(join(home, 'a', 'b'))
    t.ok(statSync(join(home, 'a', 'b')).isDirectory())
  }
})
