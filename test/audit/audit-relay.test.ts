import t, { type Test } from 'tap'
import { AuditRelay, type AuditRelayOptions } from '../../src/audit/audit-relay.js'
import type { Entry } from '../../src/audit/event.js'
import { MemoryJournal } from '../../src/engines/memory/memory-journal.js'
import { MemoryOutbox } from '../../src/engines/memory/memory-outbox.js'
import { TestClock } from '../support/clock.js'
import { until } from '../support/until.js'
import { newEvent, numbers, recordAll, recorded, written } from './support.js'

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

function watched (t: Test, options: AuditRelayOptions = {}) {
  const clock = new TestClock()
  const outbox = new MemoryOutbox(clock)
  const journal = new WatchedJournal()
  const warnings: string[] = []
  const log = new AuditRelay(outbox, journal, { retryMs: 1, clock, warn: message => { warnings.push(message) }, ...options })
  t.teardown(() => log.close())
  return { clock, outbox, journal, log, warnings, add: (id: string) => { outbox.add([newEvent(id)]) } }
}

t.test('all that has gathered is one batch, and then the journal may note where it ends', async t => {
  const { journal, log } = watched(t)
  await Promise.all(numbers(1, 9).map(id => log.record(newEvent(String(id)))))
  await written(log)
  t.same(journal.asked, [9, 'mark'])
})

t.test('a batch holds so many lines and so many characters at most, and one line at least', async t => {
  const { journal, log } = watched(t)
  await Promise.all(numbers(1, 2_500).map(id => log.record(newEvent(String(id)))))
  await written(log)
  t.same(journal.asked, [1024, 1024, 452, 'mark'])
  journal.asked.length = 0
  const slug = 'X'.repeat(600_000)
  await Promise.all([log.record(newEvent('a', { slug: slug.repeat(3) })), ...['b', 'c', 'd'].map(id => log.record(newEvent(id, { slug })))])
  await written(log)
  t.same(journal.asked, [1, 1, 1, 1, 'mark'])
})

t.test('where batch follows on batch, the journal may note where it ends after every sixteenth', async t => {
  const { journal, log } = watched(t)
  await Promise.all(numbers(1, 20 * 1024).map(id => log.record(newEvent(String(id)))))
  await written(log)
  t.same(journal.asked.indexOf('mark'), 16)
})

t.test('an event that nobody waits for is written soon, without another call, and so is one of the outbox', async t => {
  const { journal, log, add } = watched(t)
  add('1')
  for (const id of ['2', '3']) log.recordEventually(newEvent(id))
  await until(() => journal.end.sequence === 3)
  add('4')
  await until(() => journal.end.sequence === 4)
  t.same(journal.asked.filter(asked => asked !== 'mark'), [3, 1])
})

t.test('what is in the outbox at the beginning is written, but not what the journal has already', async t => {
  const outbox = new MemoryOutbox(new TestClock())
  outbox.add(['1', '2', '3'].map(id => newEvent(id)))
  const ahead = new MemoryJournal()
  await ahead.append([{ description: '"context_id":"1"}', commit: 2 }])
  const log = new AuditRelay(outbox, ahead)
  t.teardown(() => log.close())
  await until(() => ahead.end.commit === 3)
  t.equal(ahead.end.sequence, 2)
})

t.test('while the journal cannot be written events are taken until so many wait, then refused; what must go on adds to them', async t => {
  const { journal, log, add, warnings } = watched(t, { backlog: 5, retryMs: 3_600_000 })
  journal.broken = true
  await log.record(newEvent('1'))
  await written(log)
  for (const id of ['2', '3', '4', '5']) await log.record(newEvent(id))
  for (const call of [() => log.record(newEvent('x')), async () => log.admit()]) await t.rejects(call, unavailable)
  add('6')
  log.recordEventually(newEvent('7'))
  t.same(await recorded(log), ['1', '2', '3', '4', '5', '6', '7'], 'and what waits is found')
  t.same(warnings, ['the audit log cannot be written; what must be in it waits in the store'])
  t.same(journal.asked, [1], 'nothing was tried again')
})

t.test('a journal that cannot be written for a minute is reason enough, however few wait', async t => {
  const { clock, journal, log } = watched(t, { retryMs: 3_600_000 })
  journal.broken = true
  await log.record(newEvent('1'))
  await written(log)
  clock.time += 59_999
  await log.record(newEvent('2'))
  clock.time += 1
  await t.rejects(log.record(newEvent('x')), unavailable)
})

t.test('with a backlog of 0 nothing is taken while the journal cannot be written', async t => {
  const { journal, log } = watched(t, { backlog: 0, retryMs: 3_600_000 })
  await log.record(newEvent('1'))
  journal.broken = true
  log.recordEventually(newEvent('2'))
  await written(log)
  await t.rejects(log.record(newEvent('x')), unavailable)
})

t.test('after an outage all is written, in its order and with its time, and events are taken again', async t => {
  const { clock, journal, log, warnings, add } = watched(t, { backlog: 1 })
  const start = clock.time
  journal.broken = true
  log.recordEventually(newEvent('1'))
  add('2')
  await until(() => warnings.length > 0)
  await t.rejects(log.record(newEvent('x')), unavailable)
  clock.time += 1_000
  log.recordEventually(newEvent('3'))
  add('4')
  clock.time += 1_000
  journal.broken = false
  await until(() => warnings.length > 1)
  await recordAll(log, [5])
  const times = (await log.query({ pageSize: 9 })).events.map(({ time, context_id: id }) => [id, Date.parse(time) - start])
  t.same(times, [['1', 0], ['2', 0], ['3', 1_000], ['4', 1_000], ['5', 2_000]])
  t.same(warnings.slice(1), ['the audit log can be written again'])
})

t.test('where too many wait in memory they are counted, and the log gets the count', async t => {
  const { journal, log, warnings } = watched(t, { maxInMemory: 2 })
  journal.broken = true
  for (const id of numbers(1, 7)) log.recordEventually(newEvent(String(id)))
  await until(() => warnings.length > 0)
  journal.broken = false
  await until(() => warnings.length > 1)
  const { events } = await log.query({ pageSize: 9 })
  t.match(events, [{ context_id: '1' }, { context_id: '2' }, { event: 'lost', count: 5 }])
  t.equal(events.length, 3)
})

t.test('close tries once more, then gives up with a warning what is in memory alone, and closes the journal once', async t => {
  for (const broken of [false, true]) {
    const { journal, log, warnings, outbox } = watched(t, { retryMs: 3_600_000 })
    journal.broken = true
    log.recordEventually(newEvent('1'))
    await log.record(newEvent('2'))
    await written(log)
    journal.broken = broken
    await Promise.all([log.close(), log.close()])
    t.equal((await journal.query({ pageSize: 9 })).events.length, broken ? 0 : 2)
    t.equal((await outbox.read(0, 9)).length, broken ? 1 : 0, 'what the store has stays there')
    t.equal(journal.asked.filter(asked => asked === 'close').length, 1)
    if (broken) t.match(warnings.at(-1), /^1 events were lost/)
  }
})

t.test('a journal that cannot be read is unavailable, and says nothing of why', async t => {
  const { journal, log } = watched(t)
  t.intercept(journal, 'query', { value: async () => { throw new Error('table audit is gone') } })
  await t.rejects(log.query({ pageSize: 1 }), { code: 'unavailable', message: 'the audit log cannot be read now; try again, and see the log for its reason' })
  await t.resolves(log.record(newEvent('1')))
  t.same(await recorded(log).catch(({ code }) => code), 'unavailable')
})

t.test('a store that cannot be read keeps its events, and what is in memory too', async t => {
  const { outbox, journal, log, warnings, add } = watched(t)
  const { read } = outbox
  t.intercept(outbox, 'read', { value: async () => { throw new Error('the store') } })
  add('1')
  log.recordEventually(newEvent('2'))
  await until(() => warnings.length > 0)
  t.intercept(outbox, 'read', { value: read })
  await until(() => journal.end.sequence === 2)
  t.same(await recorded(log), ['1', '2'])
})
