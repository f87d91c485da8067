import type { Test } from 'tap'
import type { Clock } from '../../src/clock.js'
import type { Engine, Supports } from '../../src/engines/engine.js'
import { TestClock } from '../support/clock.js'
import { newDataDir } from '../support/data-dir.js'
import { KIND, newRecord } from '../support/records.js'

/** What of an engine takes part. */
export type OpenedDeliveries = Pick<Engine, 'store' | 'feed' | 'deliveries' | 'close'>

export interface DeliveriesEngine {
  readonly name: string
  readonly supports: Supports
  open (directory: string, clock: Clock): Promise<OpenedDeliveries>
}

const NAME = 'events'

/** Holds `engine` to every promise of the `Deliveries` contract. */
export function testDeliveries (t: Test, engine: DeliveriesEngine): void {
  const open = async (t: Test, clock = new TestClock(1_000), directory = newDataDir(t)) => {
    const opened = await engine.open(directory, clock)
    t.teardown(() => opened.close())
    const add = async (id: string) => {
      await opened.store.insert(newRecord(id), { events: [{ kind: KIND, id, data: '{}' }] })
      return await opened.feed.last()
    }
    return { ...opened, clock, add }
  }

  t.test(`${engine.name}: a new delivery begins at the end of the feed, and each has a place of its own`, async t => {
    const { deliveries, add } = await open(t)
    const first = await add('a')
    t.equal(await deliveries.take(NAME, 'x', 1_000), first)
    const second = await add('b')
    t.equal(await deliveries.take(NAME, 'x', 1_000), first)
    t.equal(await deliveries.take('others', 'x', 1_000), second)
    t.ok(await deliveries.move(NAME, 'x', first, second))
    t.equal(await deliveries.take(NAME, 'x', 1_000), second)
  })

  t.test(`${engine.name}: one owner at a time makes it, until its time is over or it gives it up`, async t => {
    const { deliveries, clock } = await open(t)
    const position = await deliveries.take(NAME, 'x', 1_000)
    t.type(position, 'string')
    t.equal(await deliveries.take(NAME, 'y', 1_000), undefined)
    clock.time += 900
    t.equal(await deliveries.take(NAME, 'x', 1_000), position, 'it takes it for longer')
    clock.time += 999
    t.equal(await deliveries.take(NAME, 'y', 1_000), undefined)
    clock.time += 1
    t.equal(await deliveries.take(NAME, 'y', 1_000), position)
    t.equal(await deliveries.take(NAME, 'x', 1_000), undefined)
    t.equal(await deliveries.take(NAME, 'y', 0), position)
    t.equal(await deliveries.take(NAME, 'x', 1_000), position, 'it was given up')
  })

  t.test(`${engine.name}: of many who take it at once one has it`, async t => {
    const { deliveries } = await open(t)
    const taken = await Promise.all(Array.from({ length: 20 }, (_, index) => deliveries.take(NAME, `owner ${index}`, 1_000)))
    t.equal(taken.filter(position => position !== undefined).length, 1)
  })

  t.test(`${engine.name}: nobody moves it back, nor moves what is another's`, async t => {
    const { deliveries, clock, add } = await open(t)
    const from = await deliveries.take(NAME, 'x', 1_000) ?? ''
    const [a, b] = [await add('a'), await add('b')]
    t.notOk(await deliveries.move(NAME, 'y', from, b))
    t.ok(await deliveries.move(NAME, 'x', from, a))
    t.notOk(await deliveries.move(NAME, 'x', from, b), 'it is elsewhere by now')
    clock.time += 1_000
    t.equal(await deliveries.take(NAME, 'y', 1_000), a)
    t.notOk(await deliveries.move(NAME, 'x', a, b))
    t.ok(await deliveries.move(NAME, 'y', a, b))
    t.notOk(await deliveries.move(NAME, 'nothing', a, b))
  })

  t.test(`${engine.name}: it is where it was when the engine is opened again`, async t => {
    const directory = newDataDir(t)
    const clock = new TestClock(1_000)
    const first = await open(t, clock, directory)
    const from = await first.deliveries.take(NAME, 'x', 1_000) ?? ''
    const to = await first.add('a')
    t.ok(await first.deliveries.move(NAME, 'x', from, to))
    await first.close()
    await t.rejects(first.deliveries.take(NAME, 'x', 1_000), { code: 'unavailable' })
    if (!engine.supports.durable) return
    clock.time += 1_000
    const again = await open(t, clock, directory)
    await again.add('b')
    t.equal(await again.deliveries.take(NAME, 'y', 1_000), to)
  })
}
