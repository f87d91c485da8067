import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { verify } from '../../../../src/engines/embedded/audit/verify.js'
import { assertWhole, filesOf, newEvent, numbers, openFiles, openLog, recordAll, recordsOf, written } from '../../../audit/support.js'
import { TestClock } from '../../../support/clock.js'
import { newDataDir } from '../../../support/data-dir.js'

const DAY = 86_400_000
const NOON = Date.UTC(2026, 0, 31, 12)

/** A clock whose time can be set without any passing. */
class SettableClock extends TestClock {
  offset = 0

  override now (): number {
    return this.time + this.offset
  }
}

t.test('files that are too old are removed whole, with their index, but for the last seven', async t => {
  const directory = newDataDir(t)
  const clock = new TestClock(NOON)
  const log = await openFiles(directory, { retentionDays: 8, clock })
  for (const day of numbers(0, 10)) {
    clock.time = NOON + day * DAY
    await recordAll(log, [day])
  }
  await log.query({ contextId: '4', pageSize: 1 })
  await log.close()
  await assertWhole(t, directory, numbers(2, 10))
  clock.time += 100 * DAY
  const later = await openFiles(directory, { retentionDays: 8, clock })
  await recordAll(later, [111])
  clock.time += 9 * DAY
  await recordAll(later, [120])
  await later.close()
  await assertWhole(t, directory, [...numbers(6, 10), 111, 120])
  await t.rejects(stat(join(directory, 'index', 'audit-2026-02-04-000000000005.index')), { code: 'ENOENT' })
})

t.test('days are counted over restarts, and of a gateway that is off for a while none', async t => {
  const directory = newDataDir(t)
  const clock = new SettableClock(NOON)
  const options = { retentionDays: 2, clock, maxFileBytes: 1 }
  for (const id of numbers(1, 20)) {
    const log = await openFiles(directory, options)
    await recordAll(log, [id])
    clock.time += DAY / 4
    await log.close()
    // Off, for a day: the clock that does not jump begins anew.
    clock.offset += DAY
  }
  t.equal((await recordsOf(directory)).length, 12, 'the eight before are two days old, as they were counted')
  t.same((await verify(directory)).problems, [])
})

t.test('a clock that jumps a year ahead, and back, deletes nothing', async t => {
  const directory = newDataDir(t)
  const clock = new SettableClock(NOON)
  const options = { retentionDays: 30, clock, maxFileBytes: 1 }
  const log = await openLog(t, directory, options)
  await recordAll(log, numbers(1, 20))
  clock.offset += 366 * DAY
  await recordAll(log, numbers(21, 40))
  clock.offset -= 700 * DAY
  await recordAll(log, numbers(41, 60))
  clock.offset = 0
  await recordAll(log, numbers(61, 80))
  await log.close()
  clock.offset = 3_000 * DAY
  await (await openFiles(directory, options)).close()
  t.same((await verify(directory)).problems, [])
  t.equal((await recordsOf(directory)).length, 80)
})

t.test('a clock that is set back begins other files, as many as hours pass, and none of a name that is there', async t => {
  const directory = newDataDir(t)
  const clock = new SettableClock(NOON)
  const log = await openLog(t, directory, { clock })
  await recordAll(log, [1])
  for (const id of numbers(2, 21)) {
    clock.offset = id % 2 === 0 ? -DAY : 0
    await recordAll(log, [id])
  }
  t.equal((await filesOf(directory)).length, 1, 'to and fro within an hour')
  clock.offset = -DAY
  clock.time += 3_600_000
  await recordAll(log, [22])
  t.same((await filesOf(directory)).map(name => name.slice(6, 16)), ['2026-01-30', '2026-01-31'])
  await recordAll(log, [23])
  t.equal((await filesOf(directory)).length, 2)
  t.same((await verify(directory)).problems, [])
  t.same((await log.query({ pageSize: 100 })).events.map(({ sequence }) => sequence), numbers(1, 23))
})

t.test('where all take more bytes than they may, the oldest go, and the operator is told before that', async t => {
  const directory = newDataDir(t)
  const told: string[] = []
  const options = { maxFileBytes: 1, maxBytes: 5_000, warn: (message: string) => { told.push(message) } }
  const log = await openLog(t, directory, options)
  const one = Number((await recordAll(log, [1]), await stat(join(directory, (await filesOf(directory))[0]!))).size)
  let count = 1
  while (told.length === 0) await recordAll(log, [++count])
  t.match(told, [/of the 5000 bytes of ECTX_AUDIT_MAX_BYTES: beyond that/])
  t.ok(count * one > 3_500 && count * one <= 5_000)
  t.equal((await filesOf(directory)).length, count)
  await recordAll(log, numbers(count + 1, 60))
  await log.close()
  t.match(told, [/beyond/, /its oldest files go/], 'once')
  const files = await filesOf(directory)
  t.ok(files.length * one <= 5_500 && files.length * one > 4_000, `${files.length} of ${one}`)
  t.same((await verify(directory)).problems, [])
})

t.test('where the days that were counted are lost, lines are younger than they are', async t => {
  const directory = newDataDir(t)
  const clock = new TestClock(NOON)
  const options = { retentionDays: 2, clock, maxFileBytes: 1 }
  const log = await openFiles(directory, options)
  await recordAll(log, numbers(1, 20))
  await log.close()
  clock.time += 5 * DAY
  await rm(join(directory, 'days.json'))
  const again = await openFiles(directory, options)
  await again.record(newEvent('21'))
  await written(again)
  await again.close()
  await assertWhole(t, directory, numbers(1, 21))
})
