import fs, { mkdirSync, rmdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { addTokenEntry } from '../../src/cli/token-file.js'
import { parseJson } from '../../src/files/parse-json.js'
import { WatchedFile } from '../../src/files/watched-file.js'
import { GatewayError } from '../../src/errors.js'

/** A file that is looked at on each use; `problems` and `mended` hear of it. */
function watch (t: Test, content: string, take: (json: unknown) => unknown = json => json) {
  const file = join(t.testdir({ 'watched.json': content }), 'watched.json')
  const problems: string[] = []
  const mended: string[] = []
  const watched = new WatchedFile(file, text => take(parseJson(text)), {
    checkEveryMs: 0,
    onProblem: message => problems.push(message),
    onMended: what => mended.push(what)
  })
  return { file, watched, problems, mended }
}

/** Has reading files fail `times` times from now on, as a bad disk does. */
function failReading (t: Test, times: number, code: string) {
  const { readFileSync } = fs
  fs.readFileSync = ((...args: Parameters<typeof readFileSync>) => {
    if (times-- > 0) throw Object.assign(new Error('s3cr3t'), { code })
    return readFileSync(...args)
  }) as typeof readFileSync
  syncBuiltinESMExports()
  t.teardown(() => {
    fs.readFileSync = readFileSync
    syncBuiltinESMExports()
  })
}

t.test('a change that cannot be read is taken as soon as it can be, and both are told once', async t => {
  for (const code of ['EIO', 'EACCES', 'ESTALE']) {
    await t.test(code, async t => {
      const { file, watched, problems, mended } = watch(t, '["before"]')
      writeFileSync(file, '["after"]')
      failReading(t, 3, code)
      for (let look = 0; look < 3; look++) t.same(watched.current, ['before'])
      t.equal(problems.length, 1)
      t.match(problems[0], new RegExp(`^${file}: cannot be read \\(${code}\\)(: [a-z].*)?; what it held before stays in force$`))
      t.same(mended, [])
      for (let look = 0; look < 3; look++) t.same(watched.current, ['after'])
      t.same([problems.length, ...mended], [1, file])
    })
  }
})

t.test('a file that is away for a while, or a directory, is taken when it is back', async t => {
  const { file, watched, problems, mended } = watch(t, '["before"]')
  fs.rmSync(file)
  t.same(watched.current, ['before'])
  mkdirSync(file)
  t.same(watched.current, ['before'])
  rmdirSync(file)
  writeFileSync(file, '["before"]')
  t.same(watched.current, ['before'])
  t.match(problems, [/ENOENT/, /EISDIR/])
  t.same(mended, [file])
})

t.test('a half-written file is taken when it is whole, also where its size and times are those of before', async t => {
  const { file, watched, problems } = watch(t, '["before"]')
  const { atime, mtime } = statSync(file)
  for (const text of ['["half     ', '["after" ]']) {
    writeFileSync(file, text)
    utimesSync(file, atime, mtime)
    t.same(watched.current, text.endsWith(']') ? ['after'] : ['before'])
  }
  t.match(problems, [/no valid JSON/])
})

t.test('what it gives is one object until the file says something else', async t => {
  const { file, watched } = watch(t, '{"a":1}')
  const { current } = watched
  writeFileSync(file, '{"a":1}')
  t.equal(watched.current, current)
  writeFileSync(file, '{"a":2}')
  t.same(watched.current, { a: 2 })
})

t.test('what is refused once is refused until it changes, and told once', async t => {
  const { file, watched, problems } = watch(t, '1', json => {
    if (json === 2) throw new GatewayError('invalid_argument', 'must not be 2')
    return json
  })
  writeFileSync(file, '2')
  for (let look = 0; look < 3; look++) t.equal(watched.current, 1)
  t.same(problems, [`${file}: must not be 2; what it held before stays in force`])
  writeFileSync(file, '3')
  t.equal(watched.current, 3)
})

t.test('a byte order mark is no part of the JSON, in files that are watched and in those that are added to', async t => {
  const { file, watched } = watch(t, '\ufeff[]')
  t.same(watched.current, [])
  const entry = { name: 'runner', sha256: 'a'.repeat(64), role: 'viewer' as const }
  await addTokenEntry(file, entry)
  t.same(watched.current, [entry])
  writeFileSync(file, '\ufeff[')
  await t.rejects(addTokenEntry(file, entry), { code: 'invalid_argument', message: /no valid JSON; mend it first/ })
})
