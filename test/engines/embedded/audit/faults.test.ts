import { copyFile, mkdir, rename, rm, truncate, appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { AuditLog } from '../../../../src/audit/audit-log.js'
import { verify } from '../../../../src/engines/embedded/audit/verify.js'
import { assertWhole, filesOf, linesOf, newEvent, numbers, openLog, recordAll, recorded, recordsOf, recovered } from '../../../audit/support.js'
import { limitFileSize } from '../../../support/file-size.js'
import { outcomes } from '../../../support/records.js'
import { TestClock } from '../../../support/clock.js'

const unavailable = { code: 'unavailable' }

/** A log with events of the contexts 1 and 2, and what it warned of. */
async function brokenLog (t: Test, options = {}, before: Record<string, string> = {}) {
  const directory = join(t.testdir({ audit: before }), 'audit')
  const warnings: string[] = []
  const log = await openLog(t, directory, { warn: message => { warnings.push(message) }, ...options })
  await recordAll(log, [1, 2])
  const [name] = await filesOf(directory)
  return { directory, log, warnings, path: join(directory, name!) }
}

async function assertFailsClosed (t: Test, log: AuditLog) {
  const { fulfilled, refusals } = await outcomes(['x', 'y', 'z'].map(id => log.record(newEvent(id))))
  t.equal(fulfilled, 0)
  for (const refusal of refusals) t.match(refusal, unavailable)
}

t.test('where the file is taken away, the event that finds it out is refused, and those behind it go on in a new file', async t => {
  const faults: Record<string, (path: string) => Promise<void>> = {
    unlinked: path => rm(path),
    'moved away': path => rename(path, `${path}.old`),
    'replaced by a copy': async path => {
      await copyFile(path, `${path}.copy`)
      await rename(`${path}.copy`, path)
    },
    emptied: path => truncate(path, 0)
  }
  for (const [fault, make] of Object.entries(faults)) {
    await t.test(fault, async t => {
      const { directory, log, warnings, path } = await brokenLog(t)
      await make(path)
      await assertFailsClosed(t, log)
      await recovered(log)
      await recordAll(log, [3, 4])
      const records = await recordsOf(directory)
      t.same(records.slice(-2).map(({ sequence, context_id: id }) => [sequence, id]), [[3, '3'], [4, '4']])
      if (fault !== 'replaced by a copy') t.match((await verify(directory)).problems, [{ line: 1, problem: /1 to 2 are missing/ }])
      t.match(warnings, [/cannot be written/, /no longer ours/, /can be written again/])
    })
  }
})

t.test('lines that somebody else appended are not built upon', async t => {
  const { directory, log, path } = await brokenLog(t)
  await appendFile(path, 'something')
  await assertFailsClosed(t, log)
  await recovered(log)
  await recordAll(log, [3])
  await assertWhole(t, directory, [1, 2, 3])
})

t.test('where the directory is taken away, everything is refused until it is there again', async t => {
  await t.test('as it was', async t => {
    const { directory, log } = await brokenLog(t)
    await rename(directory, `${directory}.away`)
    await assertFailsClosed(t, log)
    for (let tries = 0; tries < 3; tries++) {
      await new Promise(resolve => setTimeout(resolve, 5))
      await t.rejects(log.ready(), unavailable)
    }
    await rename(`${directory}.away`, directory)
    await recovered(log)
    await recordAll(log, [3])
    await assertWhole(t, directory, [1, 2, 3])
  })

  await t.test('empty', async t => {
    const { directory, log } = await brokenLog(t)
    await rm(directory, { recursive: true })
    await assertFailsClosed(t, log)
    await t.rejects(log.ready(), unavailable)
    await mkdir(directory)
    await recovered(log)
    await recordAll(log, [3])
    t.match(await recordsOf(directory), [{ sequence: 3, context_id: '3' }])
    t.match((await verify(directory)).problems, [{ line: 1, problem: /1 to 2 are missing/ }])
    t.same(await recorded(log, { contextId: '3' }), ['3'])
  })
})

t.test('where the disk is full', async t => {
  const full = { maxFileBytes: 1_000_000 }

  await t.test('no half line stays, and all goes on when there is room again', async t => {
    const { directory, log, warnings } = await brokenLog(t, full)
    try {
      limitFileSize(1_000)
      await assertFailsClosed(t, log)
      await t.rejects(log.ready(), unavailable)
      await new Promise(resolve => setTimeout(resolve, 5))
      await t.rejects(log.ready(), unavailable, 'also when it is tried again')
      await assertWhole(t, directory, [1, 2])
    } finally {
      limitFileSize('unlimited')
    }
    await recovered(log)
    await recordAll(log, [3])
    await assertWhole(t, directory, [1, 2, 3])
    t.same(warnings, ['the audit log cannot be written', 'the audit log can be written again'])
  })

  await t.test('ready finds it out though nobody wrote', async t => {
    const { directory, log } = await brokenLog(t, full)
    try {
      limitFileSize(1_000)
      await t.rejects(log.ready(), unavailable)
    } finally {
      limitFileSize('unlimited')
    }
    await recovered(log)
    await assertWhole(t, directory, [1, 2])
  })

  await t.test('of many at once those that are acknowledged are there, and no others', async t => {
    const { directory, log } = await brokenLog(t, full)
    const there: number[] = [1, 2]
    try {
      limitFileSize(200_000)
      for (let from = 3; from < 1_500; from += 100) {
        const ids = numbers(from, from + 99)
        const results = await Promise.allSettled(ids.map(id => log.record(newEvent(String(id)))))
        there.push(...ids.filter((_, index) => results[index]!.status === 'fulfilled'))
      }
      t.ok(there.length > 100 && there.length < 1_000, `${there.length} are there`)
      await assertWhole(t, directory, there)
    } finally {
      limitFileSize('unlimited')
    }
    await recovered(log)
    await recordAll(log, ['last'])
    await assertWhole(t, directory, [...there, 'last'])
  })
})

t.test('after a failure nothing is tried for a while', async t => {
  const { log, path } = await brokenLog(t, { retryMs: 3_600_000 })
  await rm(path)
  await assertFailsClosed(t, log)
  await t.rejects(log.ready(), unavailable)
  await assertFailsClosed(t, log)
})

t.test('what must be recorded eventually', async t => {
  await t.test('survives an outage, in its order and with its time', async t => {
    const clock = new TestClock(1_000)
    const { directory, log } = await brokenLog(t, { clock })
    await rename(directory, `${directory}.away`)
    log.recordEventually(newEvent('3', { event: 'deleted' }))
    await assertFailsClosed(t, log)
    clock.time = 2_000
    log.recordEventually(newEvent('4', { event: 'deleted' }))
    clock.time = 3_000
    await rename(`${directory}.away`, directory)
    await recovered(log)
    await recordAll(log, [5])
    await assertWhole(t, directory, numbers(1, 5))
    t.same((await recordsOf(directory)).map(({ time }) => Date.parse(time)), [1_000, 1_000, 1_000, 2_000, 3_000])
  })

  await t.test('is written without another call when it can be', async t => {
    const { directory, log } = await brokenLog(t)
    await rename(directory, `${directory}.away`)
    log.recordEventually(newEvent('3'))
    await t.rejects(log.ready(), unavailable)
    await rename(`${directory}.away`, directory)
    while ((await recordsOf(directory)).length < 3) await new Promise(resolve => setTimeout(resolve, 2))
    await assertWhole(t, directory, [1, 2, 3])
  })

  await t.test('is counted where there is too much of it, and the log has the count', async t => {
    const { directory, log } = await brokenLog(t, { maxWaiting: 2 })
    await rename(directory, `${directory}.away`)
    for (const id of numbers(3, 9)) log.recordEventually(newEvent(String(id)))
    await t.rejects(log.ready(), unavailable)
    await rename(`${directory}.away`, directory)
    await recovered(log)
    const records = await recordsOf(directory)
    t.same(records.map(record => record.context_id ?? null), ['1', '2', '3', '4', null])
    t.match(records[4], { event: 'lost', count: 5 })
    t.same((await verify(directory)).problems, [])
  })

  await t.test('is tried once more when the log is closed, and then given up with a warning', async t => {
    const { directory, log, warnings } = await brokenLog(t, { retryMs: 3_600_000 })
    await rename(directory, `${directory}.away`)
    log.recordEventually(newEvent('3'))
    await t.rejects(log.ready(), unavailable)
    await log.close()
    t.match(warnings.at(-1), /^1 events were lost/)
    await rename(`${directory}.away`, directory)

    const again = await openLog(t, directory, { retryMs: 3_600_000 })
    await rename(directory, `${directory}.away`)
    again.recordEventually(newEvent('3'))
    await t.rejects(again.ready(), unavailable)
    await rename(`${directory}.away`, directory)
    await again.close()
    await assertWhole(t, directory, [1, 2, 3])
  })
})

t.test('what cannot be tidied up is a warning and harms nothing', async t => {
  const { directory, log, warnings, path } = await brokenLog(t, { maxFileBytes: 1 }, { index: 'in the way' })
  await recordAll(log, [3])
  await log.close()
  t.ok(warnings.some(warning => /index/.test(warning)))
  await assertWhole(t, directory, [1, 2, 3])
  t.equal((await linesOf(directory, path.slice(directory.length + 1))).length, 1)
})
