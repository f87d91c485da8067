import t, { type Test } from 'tap'
import { AuditQueue, type AuditQueueOptions } from '../../src/audit/audit-queue.js'
import type { Entry } from '../../src/audit/journal.js'
import { MemoryJournal } from '../../src/engines/memory/memory-journal.js'
import { outcomes } from '../support/records.js'
import { newEvent, numbers, recordAll, recorded, recovered } from './support.js'
import { TestClock } from '../support/clock.js'

const unavailable = { code: 'unavailable' }

/** Fails while `broken`, and notes what it is asked for. */
class WatchedJournal extends MemoryJournal {
  broken = false
  readonly asked: Array<number | string> = []

  override async append (entries: readonly Entry[]) {
    this.asked.push(entries.length)
    if (this.broken) throw new Error('no room')
    await super.append(entries)
  }

  override async mark () {
    this.asked.push('mark')
  }

  override async close () {
    this.asked.push('close')
  }
}

function watched (t: Test, options: AuditQueueOptions = {}) {
  const journal = new WatchedJournal()
  const warnings: string[] = []
  const log = new AuditQueue(journal, { retryMs: 1, warn: message => { warnings.push(message) }, ...options })
  t.teardown(() => log.close())
  return { journal, log, warnings }
}

t.test('all that arrives together is one batch, and then the journal may note where it ends', async t => {
  const { journal, log } = watched(t)
  await Promise.all([...numbers(1, 9).map(id => log.record(newEvent(String(id)))), log.ready()])
  t.same(journal.asked.slice(0, 1), [9])
  await log.ready()
  t.same(journal.asked.slice(0, 3), [9, 'mark', 0])
})

t.test('a batch holds so many lines and so many characters at most, and one line at least', async t => {
  const { journal, log } = watched(t)
  await Promise.all(numbers(1, 2_500).map(id => log.record(newEvent(String(id)))))
  t.same(journal.asked.slice(0, 3), [1024, 1024, 452])
  await log.ready()
  journal.asked.length = 0
  const keys = ['X'.repeat(600_000)]
  await Promise.all([log.record(newEvent('a', { keys: [...keys, ...keys, ...keys] })), ...['b', 'c', 'd'].map(id => log.record(newEvent(id, { keys })))])
  t.same(journal.asked.slice(0, 4), [1, 1, 1, 1])
})

t.test('where batch follows on batch, the journal may note where it ends after every sixteenth', async t => {
  const { journal, log } = watched(t)
  await Promise.all(numbers(1, 20 * 1024).map(id => log.record(newEvent(String(id)))))
  t.same(journal.asked.indexOf('mark'), 16)
})

t.test('an event that nobody waits for is written soon, without another call', async t => {
  const { journal, log } = watched(t)
  await log.record(newEvent('1'))
  for (const id of ['2', '3']) log.recordEventually(newEvent(id))
  while ((await journal.query({ pageSize: 9 })).events.length < 3) await new Promise(resolve => setTimeout(resolve, 2))
  t.same(journal.asked.filter(asked => asked !== 'mark'), [1, 2])
})

t.test('after a failure everything is refused without a try, until it is time for one', async t => {
  const { journal, log, warnings } = watched(t, { retryMs: 3_600_000 })
  journal.broken = true
  for (let tries = 0; tries < 3; tries++) {
    const { fulfilled, refusals } = await outcomes([...['x', 'y'].map(id => log.record(newEvent(id))), log.ready()])
    t.equal(fulfilled, 0)
    for (const refusal of refusals) t.match(refusal, unavailable)
  }
  t.same(journal.asked, [2])
  t.same(warnings, ['the audit log cannot be written'])
})

t.test('what must be recorded eventually survives a failure, in its order and with its time', async t => {
  const clock = new TestClock(1_000)
  const { journal, log, warnings } = watched(t, { clock })
  journal.broken = true
  log.recordEventually(newEvent('1'))
  await t.rejects(log.record(newEvent('x')), unavailable)
  clock.time = 2_000
  log.recordEventually(newEvent('2'))
  clock.time = 3_000
  journal.broken = false
  await recovered(log)
  await recordAll(log, [3])
  t.same((await log.query({ pageSize: 9 })).events.map(({ time, context_id: id }) => [id, Date.parse(time)]), [['1', 1_000], ['2', 2_000], ['3', 3_000]])
  t.same(warnings, ['the audit log cannot be written', 'the audit log can be written again'])
})

t.test('where too many wait they are counted, and the log gets the count', async t => {
  const { journal, log } = watched(t, { maxWaiting: 2 })
  journal.broken = true
  for (const id of numbers(1, 7)) log.recordEventually(newEvent(String(id)))
  await t.rejects(log.ready(), unavailable)
  journal.broken = false
  await recovered(log)
  const { events } = await log.query({ pageSize: 9 })
  t.match(events, [{ context_id: '1' }, { context_id: '2' }, { event: 'lost', count: 5 }])
  t.equal(events.length, 3)
})

t.test('close tries once more, then gives up with a warning, and closes the journal once', async t => {
  for (const broken of [false, true]) {
    const { journal, log, warnings } = watched(t, { retryMs: 3_600_000 })
    journal.broken = true
    log.recordEventually(newEvent('1'))
    await t.rejects(log.ready(), unavailable)
    journal.broken = broken
    log.recordEventually(newEvent('2'))
    await Promise.all([log.close(), log.close()])
    t.equal((await journal.query({ pageSize: 9 })).events.length, broken ? 0 : 2)
    t.equal(journal.asked.filter(asked => asked === 'close').length, 1)
    if (broken) t.match(warnings.at(-1), /^2 events were lost/)
  }
})

t.test('a journal that cannot be read is unavailable, and says nothing of why', async t => {
  const { journal, log } = watched(t)
  t.intercept(journal, 'query', { value: async () => { throw new Error('table audit is gone') } })
  await t.rejects(log.query({ pageSize: 1 }), { code: 'unavailable', message: 'the audit log cannot be read now; try again, and see the log for its reason' })
  await t.resolves(log.record(newEvent('1')))
  t.same(await recorded(log).catch(({ code }) => code), 'unavailable')
})
