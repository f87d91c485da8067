import type { Test } from 'tap'
import { TestClock } from '../support/clock.js'
import { KIND, newRecord } from '../support/records.js'
import type { Opened, OpenBoth } from './conformance.js'

const insert = ({ store }: Opened, id: string) => store.insert(newRecord(id), { events: [{ kind: KIND, id, data: `data of ${id}` }] })
const idsIn = async ({ feed }: Opened, after?: string, limit = 99) => (await feed.changes(after, limit)).map(({ event }) => event?.id)
const named = (count: number) => Array.from({ length: count }, (_, index) => `a${index}`)

/** Holds the engine to every promise of the `Feed` contract. */
export function testFeed (t: Test, open: OpenBoth): void {
  t.test('tells what was committed as it was given, and when', async t => {
    const opened = await open(t, new TestClock(1_000))
    const data = `{"a":"ä\\u2028\u2028 🎉 ${'x'.repeat(5_000)}"}`
    await opened.store.insert(newRecord('a'), { events: [{ kind: KIND, id: 'a', data }] })
    const [change] = await opened.feed.changes(undefined, 1)
    t.match(change, { time: 1_000, event: { kind: KIND, id: 'a', data } })
  })

  t.test('goes on behind any position, page by page', async t => {
    const opened = await open(t)
    const ids = named(25)
    for (const id of ids) await insert(opened, id)
    for (const limit of [1, 7, 25, 99]) {
      const met: unknown[] = []
      for (let after: string | undefined; ;) {
        const page = await opened.feed.changes(after, limit)
        t.ok(page.length <= limit)
        if (page.length === 0) break
        met.push(...page.map(({ event }) => event?.id))
        after = page.at(-1)!.position
      }
      t.same(met, ids)
    }
    const positions = (await opened.feed.changes(undefined, 99)).map(({ position }) => position)
    t.same(positions.toSorted(), positions)
  })

  t.test('has a last position, behind which comes what is committed next', async t => {
    const opened = await open(t)
    const before = await opened.feed.last()
    await insert(opened, 'a')
    const between = await opened.feed.last()
    await insert(opened, 'b')
    t.same(await idsIn(opened, before), ['a', 'b'])
    t.same(await idsIn(opened, between), ['b'])
    t.same(await idsIn(opened, await opened.feed.last()), [])
  })

  t.test('tells its listeners that there is more, until they have heard enough', async t => {
    const opened = await open(t)
    let heard = 0
    const stop = opened.feed.listen(() => { heard++ })
    await insert(opened, 'a')
    t.ok(heard > 0)
    stop()
    heard = 0
    await insert(opened, 'b')
    t.equal(heard, 0)
  })

  t.test('drops what is too old, and what is too much, and says so to who asks for it', async t => {
    const clock = new TestClock(0)
    const opened = await open(t, clock)
    const { feed } = opened
    const begin = await feed.last()
    for (const id of named(10)) {
      clock.time += 10
      await insert(opened, id)
    }
    const all = await feed.changes(undefined, 99)
    t.equal(await feed.trim({ ms: 1_000, most: 10 }), 0, 'all are young, and few')
    t.same(await idsIn(opened, begin), named(10))
    t.equal(await feed.trim({ ms: 1_000, most: 7 }), 3)
    t.same(await idsIn(opened), named(10).slice(3))
    t.same(await idsIn(opened, all[2]!.position), named(10).slice(3), 'nothing behind that position is missed')
    await t.rejects(feed.changes(all[1]!.position, 9), { code: 'out_of_range', message: new RegExp(`go on after '${all[2]!.position}'`) })
    await t.rejects(feed.changes(begin, 9), { code: 'out_of_range' })

    t.equal(await feed.trim({ ms: 25, most: 1_000 }), 4, 'those of 40 to 70')
    t.same(await idsIn(opened), ['a7', 'a8', 'a9'])
    t.equal(await feed.trim({ ms: 25, most: 1_000 }), 0)
    clock.time += 1_000
    t.equal(await feed.trim({ ms: 25, most: 1_000 }), 3)
    t.same(await idsIn(opened), [])
    t.equal(await feed.last(), all[9]!.position)
    await t.rejects(feed.changes(all[8]!.position, 9), { code: 'out_of_range' })
    t.same(await idsIn(opened, all[9]!.position), [])
    await insert(opened, 'next')
    t.same(await idsIn(opened, all[9]!.position), ['next'])
    t.equal(await feed.trim({ ms: 1_000, most: 0 }), 1)
  })

  t.test('drops more than it does at once', async t => {
    const opened = await open(t)
    const events = Array.from({ length: 30_000 }, (_, index) => ({ kind: KIND, id: String(index), data: '' }))
    for (let at = 0; at < events.length; at += 5_000) await opened.store.insert(newRecord(`r${at}`), { events: events.slice(at, at + 5_000) })
    t.equal(await opened.feed.trim({ ms: 3_600_000, most: 10 }), events.length - 10)
    t.same(await idsIn(opened), events.slice(-10).map(({ id }) => id))
  })

  t.test('refuses what is no position', async t => {
    const opened = await open(t)
    await insert(opened, 'a')
    const last = await opened.feed.last()
    const ahead = last.replace(/\d{16,}/, digits => String(Number(digits) + 1_000_000_000).padStart(digits.length, '0'))
    for (const position of ['', '0', 'x', '-1', `${last}0`, ` ${last}`, '9'.repeat(last.length), last.replace(/^./, 'z'), last.toUpperCase() + '\n', '\0']) {
      await t.rejects(opened.feed.changes(position, 9), { code: 'invalid_argument' }, JSON.stringify(position))
    }
    await t.rejects(opened.feed.changes(ahead, 9), { code: 'invalid_argument' }, 'one that there will be')
  })

  t.test('refuses everything when it is closed', async t => {
    const opened = await open(t)
    await opened.close()
    await t.rejects(opened.feed.changes(undefined, 1), { code: 'unavailable' })
    await t.rejects(opened.feed.last(), { code: 'unavailable' })
  })
}
