import { appendFile, chmod, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openAuditFiles } from '../../../../src/engines/embedded/audit/audit-files.js'
import { MemoryOutbox } from '../../../../src/engines/memory/memory-outbox.js'
import { assertWhole, filesOf, linesOf, newEvent, numbers, openFiles, openLog, recordAll, recordsOf, rewrite, written } from '../../../audit/support.js'
import { newDataDir } from '../../../support/data-dir.js'
import { until } from '../../../support/until.js'
import { TestClock } from '../../../support/clock.js'

const DAY = 86_400_000
const NOON = Date.UTC(2026, 0, 31, 12)

t.test('a line holds the event, its place and the hash of the line before', async t => {
  const directory = newDataDir(t)
  const clock = new TestClock(NOON)
  const outbox = new MemoryOutbox(clock)
  const log = await openAuditFiles(outbox, { directory, clock })
  t.teardown(() => log.close())
  outbox.add([newEvent('a', {
    event: 'denied', slug: 'my-run', keys: ['A', 'B'], request_id: 'req-1', remote_address: '::1', outcome: 'permission_denied', key_id: 'k1'
  })])
  await written(log)
  log.recordEventually({ event: 'started', caller: { name: 'system', kind: 'system' }, outcome: 'ok' })
  await written(log)
  const [first, second] = await linesOf(directory, 'audit-2026-01-31-000000000001.jsonl')
  t.equal(first, '{"sequence":1,"previous":"' + '0'.repeat(64) + '","commit":1,"time":"2026-01-31T12:00:00.000Z","event":"denied","caller":{"name":"runner","kind":"token"},' +
    '"operation":"get","context_id":"a","slug":"my-run","execution_id":"run of a","keys":["A","B"],"request_id":"req-1","remote_address":"::1","outcome":"permission_denied","key_id":"k1"}')
  t.match(second, /^\{"sequence":2,"previous":"(?!0{64})[0-9a-f]{64}","time":"[^"]+","event":"started","caller":\{"name":"system","kind":"system"\},"outcome":"ok"\}$/)
})

t.test('no caller can forge a line', async t => {
  const directory = newDataDir(t)
  const log = await openLog(t, directory)
  const forged = '"}\n{"sequence":2,"previous":"' + '0'.repeat(64) + '","event":"deleted"}\n\u2028\0\ud800'
  const caller = { name: forged, kind: forged as 'token' }
  await log.record(newEvent(forged, { slug: forged, execution_id: forged, request_id: forged, keys: [forged], caller }))
  await written(log)
  await assertWhole(t, directory, [forged])
  t.equal((await log.query({ executionId: forged, pageSize: 9 })).events.length, 1)
})

t.test('the chain goes on over restarts', async t => {
  const directory = newDataDir(t)
  for (const id of [1, 2, 3]) {
    const log = await openFiles(directory)
    await log.record(newEvent(String(id)))
    await log.close()
  }
  await assertWhole(t, directory, [1, 2, 3])
  t.same((await recordsOf(directory)).map(({ sequence }) => sequence), [1, 2, 3])
  t.equal((await filesOf(directory)).length, 1)
})

t.test('a new file is begun by size and by day, and the chain goes on', async t => {
  const directory = newDataDir(t)
  const clock = new TestClock(NOON)
  const log = await openLog(t, directory, { maxFileBytes: 500, clock })
  await recordAll(log, numbers(1, 3))
  clock.time += DAY
  await recordAll(log, [4])
  await log.close()
  const again = await openLog(t, directory, { maxFileBytes: 500, clock })
  await recordAll(again, [5, 6])
  t.same(await filesOf(directory), [
    'audit-2026-01-31-000000000001.jsonl', 'audit-2026-01-31-000000000003.jsonl', 'audit-2026-02-01-000000000004.jsonl', 'audit-2026-02-01-000000000006.jsonl'
  ])
  await assertWhole(t, directory, numbers(1, 6))
})

t.test('10,000 concurrent records are each recorded exactly once, in order', async t => {
  const directory = newDataDir(t)
  const log = await openLog(t, directory, { maxFileBytes: 500_000 })
  let settled = 0
  const places = await Promise.all(numbers(0, 9_999).map(async id => {
    await log.record(newEvent(String(id)))
    return settled++
  }))
  t.same(places, numbers(0, 9_999), 'and are acknowledged in order')
  await written(log)
  t.ok((await filesOf(directory)).length > 3)
  await assertWhole(t, directory, numbers(0, 9_999))
})

t.test('half a line, left by a process that was killed, is cut off', async t => {
  const directory = newDataDir(t)
  const log = await openFiles(directory)
  await recordAll(log, [1, 2])
  await log.close()
  const [name] = await filesOf(directory)
  const line = (await linesOf(directory, name!))[1]!
  for (const torn of [line.slice(0, 99), line, '\0'.repeat(5_000)]) {
    await appendFile(join(directory, name!), torn)
    const next = await openFiles(directory)
    await assertWhole(t, directory, [1, 2])
    await next.close()
  }
  const next = await openLog(t, directory)
  await recordAll(next, [3])
  await assertWhole(t, directory, [1, 2, 3])
})

t.test('lines that went while it was closed are not hidden by those that come', async t => {
  const directory = newDataDir(t)
  const warnings: string[] = []
  const log = await openFiles(directory)
  await recordAll(log, numbers(1, 5))
  await log.close()
  const [name] = await filesOf(directory)
  await rewrite(directory, name!, lines => lines.slice(0, 3))
  const next = await openLog(t, directory, { warn: message => { warnings.push(message) } })
  await recordAll(next, [6])
  t.same((await recordsOf(directory)).map(({ sequence }) => sequence), [1, 2, 3, 6])
  t.match(warnings, [/from 4 to 5/])
})

t.test('a lost head.json is a warning, and is made anew', async t => {
  const directory = newDataDir(t)
  const log = await openFiles(directory)
  await recordAll(log, [1, 2])
  await log.close()
  await rm(join(directory, 'head.json'))
  const warnings: string[] = []
  const next = await openLog(t, directory, { warn: message => { warnings.push(message) } })
  t.match(warnings, [/head\.json/])
  await recordAll(next, [3])
  await assertWhole(t, directory, [1, 2, 3])
})

t.test('everything is for its user alone', async t => {
  const directory = join(newDataDir(t), 'deep', 'audit')
  const log = await openLog(t, directory, { maxFileBytes: 1 })
  await recordAll(log, [1, 2])
  await log.query({ contextId: '1', pageSize: 1 })
  const [first] = await filesOf(directory)
  const mode = async (path: string) => (await stat(join(directory, path))).mode & 0o777
  t.same(await Promise.all(['.', 'index'].map(mode)), [0o700, 0o700])
  t.same(await Promise.all(['head.json', first!, `index/${first!.replace('.jsonl', '.index')}`].map(mode)), [0o600, 0o600, 0o600])
})

t.test('a directory that cannot be used is unavailable, with what to do', async t => {
  const directory = t.testdir({ file: '', audit: {} })
  await t.rejects(openFiles(join(directory, 'file')), { code: 'unavailable', message: /EEXIST.*directory/ })
  await chmod(join(directory, 'audit'), 0o555)
  // Permissions do not bind root: for a moment this process is nobody.
  const root = process.geteuid?.() === 0
  if (root) process.seteuid?.(65_534)
  try {
    await t.rejects(openFiles(join(directory, 'audit')), { code: 'unavailable', message: /EACCES/ })
  } finally {
    if (root) process.seteuid?.(0)
    await chmod(join(directory, 'audit'), 0o755)
  }
})

t.test('an event that comes while others are being written is written too, though nobody asks for it', async t => {
  const directory = newDataDir(t)
  const log = await openLog(t, directory)
  await recordAll(log, [1])
  log.recordEventually(newEvent('2'))
  const [file] = await filesOf(directory)
  await until(async () => (await linesOf(directory, file!)).length === 2)
})

t.test('a log of another format is refused, with what to do, and so is one of before formats had numbers', async t => {
  const directory = newDataDir(t)
  const log = await openFiles(directory)
  await recordAll(log, [1])
  await log.close()
  const head = await readFile(join(directory, 'head.json'), 'utf8')
  const { format, commit, ...unnumbered } = JSON.parse(head)
  for (const [text, message] of [
    [head.replace('"format":1', '"format":2'), /of format 2, and this version knows 1: run the version that made it/],
    [JSON.stringify(unnumbered), /made before formats had numbers.*move its directory away/]
  ] as const) {
    await writeFile(join(directory, 'head.json'), text)
    await t.rejects(openFiles(directory), { code: 'unavailable', message })
  }
  await writeFile(join(directory, 'head.json'), head)
  await (await openFiles(directory)).close()
})

t.test('events that the store has committed go on behind those that are in the files, over a crash', async t => {
  const directory = newDataDir(t)
  const clock = new TestClock(NOON)
  const outbox = new MemoryOutbox(clock)
  for (const id of ['1', '2', '3']) outbox.add([newEvent(id)])
  const log = await openAuditFiles(outbox, { directory, clock, maxFileBytes: 500 })
  await written(log)
  for (const id of ['4', '5']) outbox.add([newEvent(id)])
  await written(log)
  // As if the process had ended before the head, or the store, knew of the last ones.
  const head = await readFile(join(directory, 'head.json'), 'utf8')
  await log.close()
  for (const stale of [head.replace(/"commit":\d+/, '"commit":1'), undefined]) {
    if (stale === undefined) await rm(join(directory, 'head.json'))
    else await writeFile(join(directory, 'head.json'), stale)
    const again = new MemoryOutbox(clock)
    for (const id of ['1', '2', '3', '4', '5', '6']) again.add([newEvent(id)])
    const next = await openAuditFiles(again, { directory, clock, maxFileBytes: 500, warn () {} })
    await written(next)
    await next.close()
    await assertWhole(t, directory, numbers(1, 6))
  }
})
