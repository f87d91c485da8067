import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { createLogger } from '../../src/telemetry/log.js'
import { keepSweeping, sweepAll } from '../../src/upkeep/sweep.js'
import { TestClock } from '../support/clock.js'
import { KIND, newRecord } from '../support/records.js'
import { until } from '../support/until.js'

/** A store with so many records that have expired, and one that has not. */
async function expired (t: Test, count: number) {
  const clock = new TestClock()
  const store = new MemoryStore(clock)
  for (let index = 0; index < count; index++) await store.insert(newRecord(`a${index}`, { expireTime: clock.time + 1 }))
  await store.insert(newRecord('live', { expireTime: clock.time + 10 }))
  clock.time += 1
  const sweeps: number[] = []
  const { sweep } = store
  t.intercept(store, 'sweep', {
    value: async (...args: Parameters<typeof sweep>) => {
      const swept = await sweep.apply(store, args)
      sweeps.push(swept.removed.length)
      return swept
    }
  })
  const left = async () => {
    clock.time -= 1
    return (await store.page(KIND, {}, undefined, 9)).records.length
  }
  return { clock, store, sweeps, left }
}

t.test('removes all that has expired, in small batches, and lets others have their turn between them', async t => {
  const { store, sweeps, left } = await expired(t, 250)
  let turns = 0
  const others = setImmediate(function again () {
    turns++
    setImmediate(again).unref()
  })
  await sweepAll(store)
  clearImmediate(others)
  t.same(sweeps, [100, 100, 50])
  t.ok(turns >= 2)
  t.equal(await left(), 1)
})

t.test('each is recorded, once, together with its removal', async t => {
  const { store } = await expired(t, 3)
  await Promise.all([sweepAll(store), sweepAll(store)])
  const events = (await store.outbox.read(0, 9)).map(({ description }) => JSON.parse(`{${description}`))
  t.match(events, [1, 2, 3].map(() => ({ event: 'expired', caller: { kind: 'system' }, context_id: /^a\d$/, execution_id: /^run-a/, outcome: 'ok' })))
  t.equal(events.length, 3)
})

t.test('is done at once and every second, goes on after a failure, and ends when it is told to', async t => {
  const { store, sweeps, clock } = await expired(t, 1)
  const lines: Array<Record<string, unknown>> = []
  const log = createLogger('info', { write: line => { lines.push(JSON.parse(line)) } })
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const stop = keepSweeping({ store, log })
  await until(() => sweeps.length === 1)
  const failing = t.intercept(store, 'sweep', { value: async () => { throw new Error('the disk') } })
  mock.timers.tick(1_000)
  await until(() => lines.length === 1)
  t.match(lines, [{ level: 'error', msg: 'what has expired cannot be removed' }])
  failing.restore()
  clock.time += 10
  mock.timers.tick(1_000)
  await until(async () => (await store.sweep(1)).removed.length === 0 && sweeps.length > 1)
  await stop()
  const { length } = sweeps
  mock.timers.tick(5_000)
  t.equal(sweeps.length, length)
})
