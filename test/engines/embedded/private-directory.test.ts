import { chmodSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import t from 'tap'
import { makePrivate } from '../../../src/engines/embedded/private-directory.js'
import { replaceMkdir } from '../../support/replace-mkdir.js'

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

t.test('what else is in the way is told as what it is, with what to set', async t => {
  const home = t.testdir({ file: '', 'read-only': { 'no space': '' } })
  symlinkSync('absent', `${home}/dangling`)
  symlinkSync('circle', `${home}/circle`)
  const cases: Array<[path: string, message: RegExp]> = [
    [`${home}/file/data`, /a file is in the way/],
    [`${home}/read-only/no space/a/b`, /a file is in the way/],
    [`${home}/dangling`, /a link that leads nowhere/],
    [`${home}/circle`, /links lead in a circle/],
    [`${home}/circle/data`, /links lead in a circle/],
    [`${home}/${'x'.repeat(300)}`, /the name is too long/],
    // Nothing can be made there, whoever asks, and the system says that the directory is absent.
    ...process.platform === 'linux' ? [['/proc/ectx/data', /no directory can be made there/] satisfies [string, RegExp]] : []
  ]
  for (const [path, message] of cases) {
    const { code, message: told } = await makePrivate(path).then(() => { throw new Error(path) }, error => error)
    t.equal(code, 'unavailable')
    t.match(told, message, path)
    t.match(told, /^cannot open the data directory \/.*set ECTX_DATA_DIR to /)
    t.notMatch(told, /mkdir|ENOENT/)
  }
})

t.test('a relative one is told with where that is', async t => {
  await t.rejects(makePrivate('README.md'), { message: new RegExp(`^cannot open the data directory ${process.cwd()}/README\\.md: `) })
})

t.test('one that the system does not let it make is told with the reason', async t => {
  const reasons = { EROFS: /file system is read-only/, EACCES: /this user may not write there; change its owner/, ENOSPC: /disk is full/, EMFILE: /ulimit -n/, EIO: /disk fails/ }
  for (const [code, message] of Object.entries(reasons)) {
    replaceMkdir(t, () => Promise.reject(Object.assign(new Error('mkdir'), { code, syscall: 'mkdir' })))
    await t.rejects(makePrivate(`${t.testdirName}/absent`), { code: 'unavailable', message }, code)
  }
})
