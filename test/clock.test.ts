import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { Stall } from '../src/clock.js'

const MS = 1_000

/** Timers that the test moves; what comes behind them has had its turn. */
async function pass (ms: number): Promise<void> {
  mock.timers.tick(ms)
  await new Promise(resolve => setImmediate(resolve))
}

function holdTimers (t: Test): void {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
}

t.test('what takes long is told, once in each time, until it ends', async t => {
  holdTimers(t)
  let told = 0
  const stall = new Stall(MS, () => told++)
  let end = (_: string) => {}
  const watched = stall.watch(new Promise<string>(resolve => { end = resolve }))
  await pass(MS - 1)
  t.same([stall.isLong, told], [false, 0])
  await pass(1)
  t.same([stall.isLong, told], [true, 1])
  await pass(MS)
  t.same([stall.isLong, told], [true, 2])
  end('done')
  t.equal(await watched, 'done')
  await pass(5 * MS)
  t.same([stall.isLong, told], [false, 2])
})

t.test('what fails is no longer waited for, and what follows is watched anew', async t => {
  holdTimers(t)
  const stall = new Stall(MS)
  let fail = (_: Error) => {}
  const watched = stall.watch(new Promise((_resolve, reject) => { fail = reject }))
  await pass(MS)
  fail(new Error('gone'))
  await t.rejects(watched, { message: 'gone' })
  t.equal(stall.isLong, false)
  const next = stall.watch(new Promise<void>(resolve => setImmediate(resolve)))
  t.equal(stall.isLong, false)
  await next
})

t.test('an event loop that was busy until after the time makes nothing long that had ended', async t => {
  holdTimers(t)
  let told = 0
  const stall = new Stall(MS, () => told++)
  let end = () => {}
  const watched = stall.watch(new Promise<void>(resolve => { end = resolve }))
  // The timer comes first, and then what the system has to tell.
  mock.timers.tick(MS)
  end()
  await watched
  await new Promise(resolve => setImmediate(resolve))
  t.same([stall.isLong, told], [false, 0])
})
