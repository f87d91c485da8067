import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { AuditLog } from '../../src/audit/log.js'
import { newDataDir } from '../support/data-dir.js'
import { assertWhole, filesOf, newEvent, numbers, openLog, recordAll, recorded, recordsOf } from './support.js'

const ID = 'exec-7'
/** Sixty events of six contexts in turn, of which each two belong to one execution, in many files. */
async function filled (directory: string, options = {}) {
  const log = await AuditLog.open({ directory, maxFileBytes: 2_000, retryMs: 1, ...options })
  for (const number of numbers(0, 59)) {
    await log.record(newEvent(`exec-${number % 6 + 4}`, { execution_id: `run-${number % 3}`, request_id: String(number) }))
  }
  return log
}

t.test('finds the events of a context, of an execution, of both, or all, oldest first', async t => {
  const directory = newDataDir(t)
  const log = await filled(directory)
  t.teardown(() => log.close())
  t.ok((await filesOf(directory)).length > 5)
  const requests = async (query: object) => (await log.query({ pageSize: 100, ...query })).events.map(record => Number(record.request_id))
  const all = numbers(0, 59)
  t.same(await requests({ contextId: ID }), all.filter(number => number % 6 === 3))
  t.same(await requests({ executionId: 'run-1' }), all.filter(number => number % 3 === 1))
  t.same(await requests({ contextId: ID, executionId: 'run-0' }), all.filter(number => number % 6 === 3))
  t.same(await requests({ contextId: ID, executionId: 'run-1' }), [])
  t.same(await requests({}), all)
  t.same(await requests({ contextId: 'exec-' }), [], 'an id that another begins with is another')
  const [record] = (await log.query({ contextId: ID, pageSize: 1 })).events
  t.match(record, { sequence: 4, event: 'revealed', context_id: ID, execution_id: 'run-0', caller: { name: 'runner' } })
})

t.test('goes through pages of any size without a gap and without an empty last page', async t => {
  const log = await filled(newDataDir(t))
  t.teardown(() => log.close())
  for (const query of [{ contextId: ID }, { executionId: 'run-0' }, {}]) {
    const whole = await recorded(log, query)
    for (const pageSize of [1, 2, 3, 7, 10, 20, 60]) {
      const tokens: string[] = []
      for (let pageToken: string | undefined; ;) {
        const { events, nextPageToken } = await log.query({ ...query, pageSize, pageToken })
        t.ok(events.length === pageSize || nextPageToken === undefined)
        if (nextPageToken === undefined) break
        tokens.push(pageToken = nextPageToken)
      }
      t.equal(tokens.length, Math.ceil(whole.length / pageSize) - 1, `${whole.length} by ${pageSize}`)
      t.same(await recorded(log, query, pageSize), whole)
    }
  }
})

t.test('a page goes on where it ended, whatever was written meanwhile', async t => {
  const log = await filled(newDataDir(t))
  t.teardown(() => log.close())
  const { nextPageToken } = await log.query({ contextId: ID, pageSize: 5 })
  await recordAll(log, Array(30).fill(ID))
  t.equal((await log.query({ contextId: ID, pageSize: 100, pageToken: nextPageToken })).events.length, 35)
})

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

t.test('an event can be found as soon as it is recorded, and after a restart', async t => {
  const directory = newDataDir(t)
  const log = await AuditLog.open({ directory })
  await recordAll(log, [1, 2, 1])
  t.same(await recorded(log, { contextId: '1' }), ['1', '1'])
  await log.close()
  const next = await openLog(t, directory, { maxFileBytes: 1_500 })
  await recordAll(next, [1])
  t.same(await recorded(next, { contextId: '1' }), ['1', '1', '1'])
  await recordAll(next, numbers(3, 20))
  t.same(await recorded(next, { contextId: '1' }), ['1', '1', '1'], 'when its file is finished, too')
  t.same(await recorded(next, { executionId: 'run of 2' }), ['2'])
})

t.test('long events are found whole', async t => {
  const log = await openLog(t, newDataDir(t), { maxFileBytes: 100_000 })
  const keys = numbers(1, 1_000).map(number => `KEY_${number}_`.padEnd(253, 'X'))
  await Promise.all(numbers(1, 9).map(number => log.record(newEvent(String(number), { keys }))))
  t.same((await log.query({ contextId: '5', pageSize: 2 })).events.map(record => record.keys), [keys])
  t.same(await recorded(log), numbers(1, 9).map(String))
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

  const damage: Record<string, (bytes: Buffer) => Buffer> = {
    empty: () => Buffer.alloc(0),
    'cut off': bytes => bytes.subarray(0, bytes.length - 8),
    'changed by a bit': bytes => { bytes[bytes.length - 5]! ^= 1; return bytes },
    'that of another state': bytes => { bytes.writeUInt32LE(bytes.readUInt32LE(12) - 1, 12); return bytes }
  }
  for (const [what, change] of Object.entries(damage)) {
    const sound = await Promise.all(names.map(name => readFile(join(folder, name))))
    await Promise.all(names.map(async (name, index) => writeFile(join(folder, name), change(Buffer.from(sound[index]!)))))
    const next = await AuditLog.open({ directory })
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
  t.equal((await log.query({ pageSize: 100, contextId: ID, pageToken: nextPageToken })).events.length, left.filter(record => record.context_id === ID).length)
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
