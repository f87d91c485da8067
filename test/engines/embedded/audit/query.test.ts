import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { assertWhole, filesOf, linesOf, newEvent, numbers, openFiles, openLog, recordAll, recorded, recordsOf, rewrite, written } from '../../../audit/support.js'
import { newDataDir } from '../../../support/data-dir.js'

const ID = 'exec-7'
/** Sixty events of six contexts in turn, of which each two belong to one execution, in many files. */
async function filled (directory: string, options = {}) {
  const log = await openFiles(directory, { maxFileBytes: 2_000, retryMs: 1, ...options })
  for (const number of numbers(0, 59)) {
    await log.record(newEvent(`exec-${number % 6 + 4}`, { execution_id: `run-${number % 3}`, request_id: String(number) }))
    if (number % 3 === 2) await written(log)
  }
  return log
}

t.test('a page token that is none of ours is invalid', async t => {
  const log = await filled(newDataDir(t))
  t.teardown(() => log.close())
  for (const pageToken of ['', 'x', 'MQ', Buffer.from('1.2 ').toString('base64url'), Buffer.from('01.2').toString('base64url'), 'MS4y=', '../../x']) {
    await t.rejects(log.query({ pageSize: 1, pageToken }), { code: 'invalid_argument', violations: [{ pointer: '/page_token' }] }, pageToken)
  }
  const within = Buffer.from('1.2').toString('base64url')
  t.equal((await log.query({ pageSize: 1, pageToken: within })).events[0]?.sequence, 2, 'one that leads into a line goes on behind it')
  const { events } = await log.query({ pageSize: 1000 })
  const { nextPageToken = '' } = await log.query({ pageSize: events.length - 1 })
  const [newest] = Buffer.from(nextPageToken, 'base64url').toString().split('.')
  for (const beyond of ['999999.0', `${newest}.999999999`, `${newest}.9999999999`]) {
    t.same((await log.query({ pageSize: 1, pageToken: Buffer.from(beyond).toString('base64url') })).events, [], beyond)
  }
})

t.test('an index that is absent, damaged or stale is made again', async t => {
  const directory = newDataDir(t)
  const expected = Array(10).fill(ID)
  const log = await filled(directory)
  t.same(await recorded(log, { contextId: ID }), expected)
  const folder = join(directory, 'index')
  await rm(folder, { recursive: true })
  t.same(await recorded(log, { contextId: ID }), expected, 'while it is open')
  await log.close()
  const names = await readdir(folder)
  t.equal(names.length, (await filesOf(directory)).length - 1)
  t.ok(names.length > 4)

  const damage: Record<string, (bytes: Buffer) => Buffer> = {
    empty: () => Buffer.alloc(0),
    'cut off': bytes => bytes.subarray(0, bytes.length - 8),
    'changed by a bit': bytes => { bytes[bytes.length - 5]! ^= 1; return bytes },
    'that of another state': bytes => { bytes.writeUInt32LE(bytes.readUInt32LE(12) - 1, 12); return bytes }
  }
  for (const [what, change] of Object.entries(damage)) {
    const sound = await Promise.all(names.map(name => readFile(join(folder, name))))
    await Promise.all(names.map(async (name, index) => writeFile(join(folder, name), change(Buffer.from(sound[index]!)))))
    const next = await openFiles(directory)
    t.same(await recorded(next, { contextId: ID }), expected, what)
    await next.close()
    t.same(await Promise.all(names.map(name => readFile(join(folder, name)))), sound)
  }
})

t.test('the index is used: a file that has nothing of a context is not read for it', async t => {
  const directory = newDataDir(t)
  const log = await filled(directory)
  t.teardown(() => log.close())
  await recorded(log, { contextId: ID })
  const [first] = await filesOf(directory)
  const { size } = await stat(join(directory, first!))
  await writeFile(join(directory, first!), '\n'.repeat(size))
  const rest = await recorded(log, { contextId: ID })
  t.ok(rest.length < 10, 'what it had is not found')
  t.same(rest, Array(rest.length).fill(ID))
})

t.test('files that are gone are skipped', async t => {
  const directory = newDataDir(t)
  const log = await filled(directory)
  t.teardown(() => log.close())
  const whole = await recordsOf(directory)
  const { nextPageToken } = await log.query({ pageSize: 1, contextId: ID })
  const [first] = await filesOf(directory)
  await rm(join(directory, first!))
  const left = await recordsOf(directory)
  t.ok(left.length < whole.length)
  t.equal((await recorded(log)).length, left.length)
  const { events } = await log.query({ pageSize: 100, contextId: ID, pageToken: nextPageToken })
  t.equal(events.length, left.filter(record => record.context_id === ID).length)
})

t.test('a page is verified, unless a line of it was changed or one beside it is gone', async t => {
  const tell = async (change: (directory: string, files: string[]) => Promise<unknown>) => {
    const directory = newDataDir(t)
    const log = await filled(directory)
    await recorded(log, { contextId: ID })
    await log.close()
    const files = await filesOf(directory)
    await change(directory, files)
    const errors: string[] = []
    const again = await openFiles(directory, { warn: (message, _cause, level) => { if (level === 'error') errors.push(message) } })
    const all = await again.query({ pageSize: 1_000 })
    const ofOne = [await again.query({ pageSize: 1_000, contextId: ID }), await again.query({ pageSize: 1_000, contextId: ID })]
    await again.close()
    return { all: all.verified, one: ofOne.map(({ verified }) => verified), errors: errors.length }
  }
  const edit = (line: number) => (directory: string, files: string[]) =>
    rewrite(directory, files[1]!, lines => lines.with(line, lines[line]!.replace('runner', 'sunner')))
  const lines = async (directory: string, files: string[]) => (await linesOf(directory, files[1]!)).map(line => JSON.parse(line).context_id)
  const place = await (async () => {
    const directory = newDataDir(t)
    await (await filled(directory)).close()
    return lines(directory, await filesOf(directory))
  })()
  const own = place.indexOf(ID)
  const other = place.findIndex((id, index) => id !== ID && index !== own - 1)
  const head = async (directory: string, change: (text: string) => string) =>
    writeFile(join(directory, 'head.json'), change(await readFile(join(directory, 'head.json'), 'utf8')))
  t.same(await tell(async () => {}), { all: true, one: [true, true], errors: 0 })
  t.same(await tell(edit(own)), { all: false, one: [false, false], errors: 1 }, 'one of the context')
  t.same(await tell(edit(other)), { all: false, one: [true, true], errors: 1 }, 'another')
  t.match(await tell((directory, files) => rm(join(directory, files[0]!))), { all: false }, 'the first file gone')
  t.match(await tell((directory, files) => rm(join(directory, files[3]!))), { all: false }, 'one in the middle')
  t.match(await tell(directory => head(directory, text => text.replace(/"hash":"...../, '"hash":"00000'))), { all: false }, 'the end')
})

t.test('a query while files are begun finds all that was recorded before it', async t => {
  const directory = newDataDir(t)
  const log = await openLog(t, directory, { maxFileBytes: 2_000 })
  for (const count of numbers(1, 100)) {
    const recording = recordAll(log, [ID, 'other'])
    const found = await recorded(log, { contextId: ID })
    t.ok(found.length >= count - 1 && found.length <= count)
    await recording
  }
  await assertWhole(t, directory, numbers(1, 200).map(number => number % 2 === 1 ? ID : 'other'))
})

t.test('a log that cannot be read is unavailable', async t => {
  const directory = join(newDataDir(t), 'audit')
  const log = await openLog(t, directory)
  await rm(directory, { recursive: true })
  await t.rejects(log.query({ pageSize: 1 }), { code: 'unavailable' })
})
