import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { assertWhole, filesOf, newEvent, numbers, openFiles, openLog, recordAll, recorded, recordsOf, written } from '../../../audit/support.js'
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
