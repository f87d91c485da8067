import { chmodSync, mkdirSync, statSync } from 'node:fs'
import t from 'tap'
import { makePrivate } from '../../../src/engines/embedded/private-directory.js'

const modeOf = (path: string) => statSync(path).mode & 0o7777

t.test('a directory that is absent is made, for this user alone', async t => {
  const path = `${t.testdir()}/a/b`
  await makePrivate(path)
  t.equal(modeOf(path), 0o700)
})

t.test('one that others may enter is closed to them', async t => {
  const path = t.testdir()
  for (const mode of [0o755, 0o750, 0o770, 0o701, 0o700]) {
    chmodSync(path, mode)
    await makePrivate(path)
    t.equal(modeOf(path), 0o700, mode.toString(8))
  }
})

t.test('a sticky one is for all by intent, and stays so', async t => {
  const path = `${t.testdir()}/tmp`
  mkdirSync(path)
  chmodSync(path, 0o1777)
  await makePrivate(path)
  t.equal(modeOf(path), 0o1777)
})

t.test("another user's stays as it is", async t => {
  const path = t.testdir()
  chmodSync(path, 0o755)
  t.intercept(process, 'getuid', { value: () => statSync(path).uid + 1 })
  await makePrivate(path)
  t.equal(modeOf(path), 0o755)
})

t.test('a file in the way is told', async t => {
  await t.rejects(makePrivate(`${t.testdir({ file: '' })}/file`), { code: 'unavailable', message: /a file is in the way/ })
})
