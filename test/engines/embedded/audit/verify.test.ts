import { readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { verify } from '../../../../src/engines/embedded/audit/verify.js'
import { filesOf, newEvent, numbers, openFiles, openLog, recordAll, rewrite, written } from '../../../audit/support.js'
import { newDataDir } from '../../../support/data-dir.js'
import { TestClock } from '../../../support/clock.js'

/** A closed log of three files, with four, four and two events. */
async function closedLog (t: Test) {
  const directory = newDataDir(t)
  const log = await openFiles(directory, { maxFileBytes: 900 })
  await recordAll(log, numbers(1, 10))
  await log.close()
  const files = await filesOf(directory)
  if (files.length !== 3) throw new Error(`there are ${files.length} files`)
  return { directory, files: files as [string, string, string] }
}

/** What `verify` finds, with files by their number from 0 (-1: the head). */
async function problemsOf (directory: string, files: string[]) {
  const { problems } = await verify(directory)
  return problems.map(({ where, line, problem }) => [files.indexOf(where), line, problem])
}

const CHANGED = /was changed/
const NOT_OURS = /is no line/

type Problems = ReadonlyArray<readonly [file: number, line: number, problem: RegExp]>
type Tampering = readonly [file: 0 | 1 | 2, change: (lines: string[]) => string[], expected: Problems]
const without = (line: number) => (lines: string[]) => lines.toSpliced(line - 1, 1)
const edit = (line: number, from: string | RegExp, to: string) =>
  (lines: string[]) => lines.with(line - 1, lines[line - 1]!.replace(from, to))
const swap = (lines: string[]) => lines.with(1, lines[2]!).with(2, lines[1]!)

const TAMPERINGS: Readonly<Record<string, Tampering>> = {
  'a line that was changed': [1, edit(2, 'runner', 'sunner'), [[1, 2, CHANGED]]],
  'the first line of all': [0, edit(1, 'runner', 'sunner'), [[0, 1, CHANGED]]],
  'the last line of a file': [0, edit(4, 'runner', 'sunner'), [[0, 4, CHANGED]]],
  'the last line of all': [2, edit(2, 'runner', 'sunner'), [[2, 2, CHANGED]]],
  'the hash in the first line of all': [0, edit(1, /0{64}/, 'a'.repeat(64)), [[0, 1, CHANGED]]],
  'the hash in a line': [1, edit(2, /"previous":"[0-9a-f]{64}/, `"previous":"${'a'.repeat(64)}`), [[1, 1, CHANGED], [1, 2, CHANGED]]],
  'the number of a line': [1, edit(2, '"sequence":6', '"sequence":9'), [[1, 2, /has the number 9 instead of 6/]]],
  'the number of the first line of all': [0, edit(1, '"sequence":1', '"sequence":999'), [[0, 1, /1 to 998 are missing/], [0, 2, /out of place: it is number 2,/]]],
  'a line made into something else': [1, edit(2, /.*/, 'garbage'), [[1, 2, NOT_OURS]]],
  'the last line of all made into something else': [2, edit(2, /.*/, 'garbage'), [[2, 2, NOT_OURS]]],
  'a line that is removed': [1, without(2), [[1, 2, /number 6 is missing before/]]],
  'the first line of a file removed': [1, without(1), [[1, 1, /number 5 is missing before/]]],
  'the first line of all removed': [0, without(1), [[0, 1, /number 1 is missing before/]]],
  'the last line of a file removed': [1, without(4), [[2, 1, /number 8 is missing before/]]],
  'the last line of all removed': [2, without(2), [[2, 1, /number 10 is missing behind/]]],
  'the last file emptied': [2, () => [], [[1, 4, /9 to 10 are missing behind/]]],
  'lines in another order': [1, swap, [[1, 2, /number 6 is missing before/], [1, 3, /out of place: it is number 6, behind number 7/]]],
  'a line that is there twice': [1, lines => lines.toSpliced(2, 0, lines[1]!), [[1, 3, /out of place/]]],
  'a forged line put in': [1, lines => lines.toSpliced(1, 0, lines[1]!.replace('runner', 'sunner')), [[1, 3, /out of place/], [1, 2, CHANGED]]],
  'something put in that is no line': [1, lines => lines.toSpliced(2, 0, '{}'), [[1, 3, NOT_OURS]]],
  'an empty line put in': [0, lines => ['', ...lines], [[0, 1, NOT_OURS]]]
}

t.test('a log that nobody touched is whole', async t => {
  const { directory } = await closedLog(t)
  t.same(await verify(directory), { files: 3, lines: 10, first: 1, problems: [] })
})

t.test('says where it finds', async t => {
  for (const [what, [file, change, expected]] of Object.entries(TAMPERINGS)) {
    await t.test(what, async t => {
      const { directory, files } = await closedLog(t)
      await rewrite(directory, files[file], change)
      const problems = await problemsOf(directory, files)
      t.match(problems, expected)
      t.equal(problems.length, expected.length)
    })
  }

  const others: Readonly<Record<string, readonly [(directory: string, files: [string, string, string]) => Promise<unknown>, Problems]>> = {
    'a file missing in the middle': [(directory, files) => rm(join(directory, files[1])), [[2, 1, /5 to 8 are missing before/]]],
    'the first file missing': [(directory, files) => rm(join(directory, files[0])), [[1, 1, /1 to 4 are missing before/]]],
    'the last file missing': [(directory, files) => rm(join(directory, files[2])), [[1, 4, /9 to 10 are missing behind/]]],
    'all files missing': [(directory, files) => Promise.all(files.map(name => rm(join(directory, name)))), [[-1, 0, /1 to 10 are missing/]]],
    'a directory missing': [directory => rm(directory, { recursive: true }), [[-1, 0, /head|absent/]]],
    'a line cut off in a file': [async (directory, files) => truncate(join(directory, files[0]), (await stat(join(directory, files[0]))).size - 20), [[0, 4, /is cut off/], [1, 1, /number 4 is missing before/]]],
    'the last line of all cut off': [async (directory, files) => truncate(join(directory, files[2]), (await stat(join(directory, files[2]))).size - 20), [[2, 1, /number 10 is missing behind/]]],
    'a file under the name of another': [(directory, files) => rename(join(directory, files[2]), join(directory, files[0])), [[0, 1, /1 to 8 are missing/], [1, 1, /out of place/]]],
    'no head': [directory => rm(join(directory, 'head.json')), [[-1, 0, /absent or damaged/]]],
    'a damaged head': [directory => writeFile(join(directory, 'head.json'), '{}'), [[-1, 0, /absent or damaged/]]]
  }
  for (const [what, [tamper, expected]] of Object.entries(others)) {
    await t.test(what, async t => {
      const { directory, files } = await closedLog(t)
      await tamper(directory, files)
      const problems = await problemsOf(directory, files)
      t.match(problems, expected)
      t.equal(problems.length, expected.length)
    })
  }
})

t.test('finds any byte that is changed, whichever it is', async t => {
  const { directory, files } = await closedLog(t)
  for (const name of files) {
    const path = join(directory, name)
    const sound = await readFile(path)
    for (let at = 0; at < sound.length; at += 7) {
      const changed = Buffer.from(sound)
      changed[at]! ^= 1
      await writeFile(path, changed)
      const { problems } = await verify(directory)
      if (problems.length === 0) t.fail(`byte ${at} of ${name}`)
    }
    await writeFile(path, sound)
  }
  t.same((await verify(directory)).problems, [])
})

t.test('what was tampered with stays found when the log goes on', async t => {
  const changes: Array<[file: 1 | 2, (lines: string[]) => string[]]> = [[1, edit(2, 'runner', 'sunner')], [2, edit(2, 'runner', 'sunner')], [2, without(2)], [2, () => []]]
  for (const [file, change] of changes) {
    const { directory, files } = await closedLog(t)
    await rewrite(directory, files[file], change)
    const before = (await verify(directory)).problems
    const log = await openFiles(directory)
    await recordAll(log, numbers(11, 20))
    await log.close()
    const after = (await verify(directory)).problems
    t.equal(before.length, 1)
    t.equal(after.length, 1)
  }
})

t.test('files that are no longer kept are no problem, and it says where the log begins', async t => {
  const directory = newDataDir(t)
  const clock = new TestClock(Date.UTC(2026, 0, 1))
  const log = await openFiles(directory, { retentionDays: 1, clock })
  for (const day of numbers(1, 10)) {
    clock.time += 86_400_000
    await recordAll(log, [day, day])
  }
  await log.close()
  t.same(await verify(directory), { files: 7, lines: 14, first: 7, problems: [] })
})

t.test('a log is whole while it is being written', async t => {
  const directory = newDataDir(t)
  const log = await openLog(t, directory, { maxFileBytes: 20_000 })
  const stop = new AbortController()
  const writers = numbers(1, 8).map(async id => {
    for (; !stop.signal.aborted; await written(log)) await log.record(newEvent(String(id)))
  })
  for (let round = 0; round < 30; round++) {
    await written(log)
    t.same((await verify(directory)).problems, [])
  }
  stop.abort()
  await Promise.all(writers)
})
