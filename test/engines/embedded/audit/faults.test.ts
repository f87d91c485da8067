import { appendFile, copyFile, mkdir, rename, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openAuditFiles } from '../../../../src/engines/embedded/audit/audit-files.js'
import { verify } from '../../../../src/engines/embedded/audit/verify.js'
import { MemoryOutbox } from '../../../../src/engines/memory/memory-outbox.js'
import { assertWhole, filesOf, linesOf, newEvent, numbers, openLog, recordAll, recorded, recordsOf, written } from '../../../audit/support.js'
import { newDataDir } from '../../../support/data-dir.js'
import { limitFileSize } from '../../../support/file-size.js'
import { TestClock } from '../../../support/clock.js'
import { until } from '../../../support/until.js'

/** A log with events of the contexts 1 and 2, and what it warned of. */
async function brokenLog (t: Test, options = {}, before: Record<string, string> = {}) {
  const directory = join(t.testdir({ audit: before }), 'audit')
  const warnings: string[] = []
  const log = await openLog(t, directory, { warn: message => { warnings.push(message) }, ...options })
  await recordAll(log, [1, 2])
  const [name] = await filesOf(directory)
  return { directory, log, warnings, path: join(directory, name!), recovered: () => until(() => warnings.at(-1)!.includes('can be written again')) }
}

const CANNOT = 'the audit log cannot be written; what must be in it waits in the store'
const record = (log: Awaited<ReturnType<typeof openLog>>, ids: number[]) => Promise.all(ids.map(id => log.record(newEvent(String(id)))))

t.test('where the file is taken away, the log goes on in a new file, and nothing that was recorded is missing', async t => {
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
      const { directory, log, warnings, path, recovered } = await brokenLog(t)
      await make(path)
      await record(log, [3, 4])
      await written(log)
      await recovered()
      await recordAll(log, [5])
      const records = await recordsOf(directory)
      t.same(records.slice(-3).map(({ sequence, context_id: id }) => [sequence, id]), [[3, '3'], [4, '4'], [5, '5']])
      if (fault !== 'replaced by a copy') t.match((await verify(directory)).problems, [{ line: 1, problem: /1 to 2 are missing/ }])
      t.match(warnings, [CANNOT, /no longer ours/, /can be written again/])
    })
  }
})

t.test('lines that somebody else appended are not built upon', async t => {
  const { directory, log, path, recovered } = await brokenLog(t)
  await appendFile(path, 'something')
  await record(log, [3])
  await written(log)
  await recovered()
  await assertWhole(t, directory, [1, 2, 3])
})

t.test('where the directory is taken away, what is recorded waits until it is there again', async t => {
  await t.test('as it was', async t => {
    const { directory, log, recovered } = await brokenLog(t)
    await rename(directory, `${directory}.away`)
    await record(log, [3, 4])
    for (let tries = 0; tries < 3; tries++) {
      await new Promise(resolve => setTimeout(resolve, 5))
      await t.rejects(written(log), { code: 'unavailable' }, 'and what was written cannot be read')
    }
    await rename(`${directory}.away`, directory)
    await recovered()
    await assertWhole(t, directory, [1, 2, 3, 4])
  })

  await t.test('empty', async t => {
    const { directory, log, recovered } = await brokenLog(t)
    await rm(directory, { recursive: true })
    await record(log, [3])
    await t.rejects(written(log), { code: 'unavailable' })
    await mkdir(directory)
    await recovered()
    t.match(await recordsOf(directory), [{ sequence: 3, context_id: '3' }])
    t.match((await verify(directory)).problems, [{ line: 1, problem: /1 to 2 are missing/ }])
    t.same(await recorded(log, { contextId: '3' }), ['3'])
  })
})

t.test('where the disk is full', async t => {
  const full = { maxFileBytes: 1_000_000 }

  await t.test('queries find what waits, and all goes on when there is room again', async t => {
    const { directory, log, warnings, recovered } = await brokenLog(t, full)
    try {
      limitFileSize(1_000)
      await record(log, numbers(3, 9))
      log.recordEventually(newEvent('10'))
      await written(log)
      t.same(await recorded(log), numbers(1, 10).map(String))
      t.same(await recorded(log, { contextId: '7' }), ['7'])
      t.same(await recorded(log, {}, 3), numbers(1, 10).map(String), 'also by small pages')
    } finally {
      limitFileSize('unlimited')
    }
    await recovered()
    await assertWhole(t, directory, numbers(1, 10))
    t.same(warnings, [CANNOT, 'the audit log can be written again'])
  })

  await t.test('a page that waits is the same when it has been written', async t => {
    const { directory, log, recovered } = await brokenLog(t, full)
    let waiting: Awaited<ReturnType<typeof log.query>>
    try {
      limitFileSize(1_000)
      await record(log, numbers(3, 9))
      waiting = await log.query({ pageSize: 5 })
      t.same(waiting.events.map(event => event.context_id), ['1', '2', '3', '4', '5'])
    } finally {
      limitFileSize('unlimited')
    }
    await recovered()
    t.same((await log.query({ pageSize: 5 })).events, waiting.events, 'to the hash')
    const next = await log.query({ pageSize: 5, pageToken: waiting.nextPageToken })
    t.same(next.events.map(event => event.context_id), ['6', '7', '8', '9'], 'and a token of then goes on')
    await assertWhole(t, directory, numbers(1, 9))
  })

  await t.test('what fits is written, no half line stays, and the rest waits in the store, also over a restart', async t => {
    const directory = newDataDir(t)
    const outbox = new MemoryOutbox(new TestClock())
    const log = await openAuditFiles(outbox, { directory, ...full })
    try {
      limitFileSize(200_000)
      for (let from = 1; from <= 1_500; from += 100) {
        outbox.add(numbers(from, from + 99).map(id => newEvent(String(id))))
        await written(log)
      }
      await log.close()
      const { length } = await recordsOf(directory)
      t.ok(length > 100 && length < 1_000, `${length} are there`)
      await assertWhole(t, directory, numbers(1, length))
    } finally {
      limitFileSize('unlimited')
    }
    const next = await openAuditFiles(outbox, { directory, ...full })
    await next.close()
    await assertWhole(t, directory, numbers(1, 1_500))
  })
})

t.test('after a failure nothing is tried for a while', async t => {
  const { directory, log, path } = await brokenLog(t, { retryMs: 3_600_000 })
  await rename(path, `${path}.away`)
  await record(log, [3])
  await written(log)
  await rename(`${path}.away`, path)
  await record(log, [4])
  await written(log)
  t.equal((await recordsOf(directory)).length, 2)
})

t.test('what nobody waits for', async t => {
  await t.test('survives an outage, in its order and with its time', async t => {
    const clock = new TestClock(1_000)
    const { directory, log, recovered } = await brokenLog(t, { clock })
    await rename(directory, `${directory}.away`)
    log.recordEventually(newEvent('3'))
    await t.rejects(written(log))
    clock.time = 2_000
    log.recordEventually(newEvent('4'))
    clock.time = 3_000
    await rename(`${directory}.away`, directory)
    await recovered()
    await recordAll(log, [5])
    await assertWhole(t, directory, numbers(1, 5))
    t.same((await recordsOf(directory)).map(({ time }) => Date.parse(time)), [1_000, 1_000, 1_000, 2_000, 3_000])
  })

  await t.test('is counted where there is too much of it, and the log has the count', async t => {
    const { directory, log, recovered } = await brokenLog(t, { maxInMemory: 2 })
    await rename(directory, `${directory}.away`)
    for (const id of numbers(3, 9)) log.recordEventually(newEvent(String(id)))
    await t.rejects(written(log))
    await rename(`${directory}.away`, directory)
    await recovered()
    const records = await recordsOf(directory)
    t.same(records.map(record => record.context_id ?? null), ['1', '2', '3', '4', null])
    t.match(records[4], { event: 'lost', count: 5 })
    t.same((await verify(directory)).problems, [])
  })

  await t.test('is tried once more when the log is closed, and then given up with a warning', async t => {
    const { directory, log, warnings } = await brokenLog(t, { retryMs: 3_600_000 })
    await rename(directory, `${directory}.away`)
    log.recordEventually(newEvent('3'))
    await t.rejects(written(log))
    await log.close()
    t.ok(warnings.some(warning => /^1 events were lost/.test(warning)))
    await rename(`${directory}.away`, directory)

    const again = await openLog(t, directory, { retryMs: 3_600_000 })
    await rename(directory, `${directory}.away`)
    again.recordEventually(newEvent('3'))
    await t.rejects(written(again))
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
