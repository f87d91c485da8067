import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { openAuditFiles } from '../../src/engines/embedded/audit/audit-files.js'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { verify } from '../../src/engines/embedded/audit/verify.js'
import { newDataDir } from '../support/data-dir.js'
import { filesOf, numbers, openFiles, openLog, recordAll, recordsOf, rewrite, written } from '../audit/support.js'
import { TestClock } from '../support/clock.js'

async function cli (dataDir: string, ...args: string[]) {
  const child = spawn(process.execPath, ['dist/src/cli/audit.js', ...args], { env: { ECTX_DATA_DIR: dataDir } })
  const text = { stdout: '', stderr: '' }
  for (const output of ['stdout', 'stderr'] as const) child[output].setEncoding('utf8').on('data', chunk => { text[output] += chunk })
  const [code] = await once(child, 'close')
  return { code, ...text }
}

t.test('verify', async t => {
  const dataDir = newDataDir(t)
  const directory = join(dataDir, 'audit')
  const log = await openLog(t, directory)
  await recordAll(log, numbers(1, 3))
  t.same(await cli(dataDir, 'verify'), { code: 0, stdout: `${directory}: 3 lines in 1 files, whole\n`, stderr: '' }, 'exits 0 where the log is whole, also while it is open')

  const [name] = await filesOf(directory)
  await rewrite(directory, name!, lines => lines.with(1, lines[1]!.replace('runner', 'sunner')))
  const changed = await cli(dataDir, 'verify')
  t.equal(changed.code, 1)
  t.match(changed.stdout, new RegExp(`^${name}:2 was changed.*\n.* 3 lines in 1 files, 1 problems\n$`))

  await rm(directory, { recursive: true })
  const gone = await cli(dataDir, 'verify')
  t.match(gone, { code: 2, stdout: '', stderr: new RegExp(`^audit: there is no log in ${directory}: set ECTX_DATA_DIR .*removed\n$`) })
})

t.test('a log without lines is whole, and one that has lost all its files is not', async t => {
  const dataDir = newDataDir(t)
  const directory = join(dataDir, 'audit')
  const log = await openLog(t, directory)
  t.match(await cli(dataDir, 'verify'), { code: 0, stdout: /0 lines in 0 files, whole/ })
  await recordAll(log, numbers(1, 3))
  await log.close()
  for (const name of await filesOf(directory)) await rm(join(directory, name))
  t.match(await cli(dataDir, 'verify'), { code: 1, stdout: /^head\.json the lines number 1 to 3 are missing/ })
})

t.test('--help shows the usage and reads nothing', async t => {
  for (const args of [['--help'], ['-h'], ['verify', '--help']]) t.match(await cli('/absent', ...args), { code: 0, stdout: /^usage: npm run audit -- verify/, stderr: '' })
})

t.test('a variable that is wrong or misspelt is told, and no other log is read in its place', async t => {
  const dataDir = newDataDir(t)
  await openLog(t, join(dataDir, 'audit'))
  t.match(await cli(`${dataDir}\r`, 'verify'), { code: 2, stdout: '', stderr: /^audit: ECTX_DATA_DIR must be a directory; .*carriage return/ })
  const misspelt = spawn(process.execPath, ['dist/src/cli/audit.js', 'verify'], { env: { ECTX_DATADIR: dataDir } })
  misspelt.stderr.setEncoding('utf8').once('data', text => t.match(text, /ECTX_DATADIR is not known; did you mean ECTX_DATA_DIR\?/))
  t.same(await once(misspelt, 'close'), [2, null])
})

t.test('says where the log begins when older files are no longer kept', async t => {
  const dataDir = newDataDir(t)
  const clock = new TestClock(0)
  const log = await openFiles(join(dataDir, 'audit'), { retentionDays: 1, clock })
  for (const id of numbers(1, 9)) {
    clock.time += 2 * 86_400_000
    await recordAll(log, [id])
  }
  await log.close()
  t.match(await cli(dataDir, 'verify'), { code: 0, stdout: /begins with line number 3: older files are no longer kept/ })
})

t.test('exits 2 where it cannot do what it is told', async t => {
  for (const args of [[], ['check'], ['verify', 'more']]) t.match(await cli(t.testdirName, ...args), { code: 2, stdout: '', stderr: /^usage: npm run audit -- verify/ })
  const dataDir = t.testdir({ audit: 'a file' })
  t.match(await cli(dataDir, 'verify'), { code: 2, stdout: '', stderr: /cannot read the log .*\(ENOTDIR\): a file is in the way/ })
})

t.test('a log whose process is killed holds all that it acknowledged, and goes on whole', async t => {
  const directory = join(newDataDir(t), 'audit')
  const database = join(newDataDir(t), 'db')
  await mkdir(directory)
  const program = `
    import { openAuditFiles } from './dist/src/engines/embedded/audit/audit-files.js'
    import { LevelStore } from './dist/src/engines/embedded/level/level-store.js'
    const [, directory, database] = process.argv
    const store = await LevelStore.open(database)
    const log = await openAuditFiles(store.outbox, { directory, maxFileBytes: 50_000 })
    for (let writer = 0; writer < 32; writer++) write(writer, 0)
    async function write (writer, number) {
      const id = process.pid + '/' + writer + '/' + number
      await log.record({ event: 'read', caller: { name: 'runner', kind: 'token' }, context_id: id, outcome: 'ok' })
      process.stdout.write(id + '\\n')
      setImmediate(write, writer, number + 1)
    }`
  const acknowledged: string[] = []
  for (let round = 0; round < 4; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, directory, database], { stdio: ['ignore', 'pipe', 'inherit'] })
    const closed = once(child, 'close')
    const target = acknowledged.length + 300 + round * 77
    for await (const id of createInterface(child.stdout)) {
      acknowledged.push(id)
      if (acknowledged.length === target) child.kill('SIGKILL')
    }
    await closed
    const store = await LevelStore.open(database)
    const log = await openAuditFiles(store.outbox, { directory })
    await written(log)
    await log.close()
    await store.close()
    const { problems, lines } = await verify(directory)
    t.same(problems, [])
    const found = (await recordsOf(directory)).map(record => record.context_id as string)
    t.equal(new Set(found).size, lines)
    t.same(acknowledged.filter(id => !found.includes(id)), [])
  }
})
