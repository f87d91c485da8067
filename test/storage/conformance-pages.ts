import type { Test } from 'tap'
import type { Filter, Store } from '../../src/storage/store.js'
import { TestClock } from '../support/clock.js'
import { KIND, newRecord } from '../support/records.js'
import type { Open, OpenBoth } from './conformance.js'

/** The ids on every page from the first to the last. */
async function pages (store: Store, filter: Filter, limit: number, between = async () => {}): Promise<string[][]> {
  const met: string[][] = []
  for (let cursor: string | undefined; ;) {
    const page = await store.page(KIND, filter, cursor, limit)
    if (page.damaged.length > 0) throw new Error(`damaged: ${page.damaged}`)
    met.push(page.records.map(({ id }) => id))
    if (page.cursor === undefined) return met
    cursor = page.cursor
    await between()
  }
}

const byExecution = (value: string): Filter => ({ indexed: [{ attribute: 'execution_id', value }] })
const FILTERS: Record<string, Filter> = { 'of all': {}, 'of one execution': byExecution('run') }
/** A record that every one of FILTERS accepts. */
const matching = (id: string) => newRecord(id, { indexed: { execution_id: ['other', 'run'] } })

export function testPages (t: Test, openBoth: OpenBoth): void {
  const open: Open = async (t, clock) => (await openBoth(t, clock)).store

  for (const [name, filter] of Object.entries(FILTERS)) {
    t.test(`${name}: hold at most the limit, and a cursor where more follows`, async t => {
      const store = await open(t)
      t.same(await store.page(KIND, filter, undefined, 3), { records: [], damaged: [], cursor: undefined })
      const ids = ['a100', 'a200', 'a300', 'a400', 'a500', 'a600']
      for (const id of ids.toReversed()) await store.insert(matching(id))
      ids.reverse()
      await store.insert(newRecord('a350', { kind: 'other', indexed: { execution_id: ['run'] } }))

      t.same(await pages(store, filter, 1), ids.map(id => [id]))
      t.same(await pages(store, filter, 3), [ids.slice(0, 3), ids.slice(3)], 'an exact multiple has no empty page behind it')
      t.same(await pages(store, filter, 4), [ids.slice(0, 4), ids.slice(4)])
      t.same(await pages(store, filter, 6), [ids])
      t.same(await pages(store, filter, 7), [ids])
    })

    t.test(`${name}: stay true while records come and go on both sides of the cursor`, async t => {
      const store = await open(t)
      for (const id of ['a100', 'a200', 'a300', 'a400', 'a500', 'a600']) await store.insert(matching(id))
      let turn = 0
      const met = await pages(store, filter, 2, async () => {
        if (turn++ > 0) return
        await store.remove(KIND, 'a500') // where the cursor stands
        await store.remove(KIND, 'a600')
        await store.insert(matching('a550'))
        await store.remove(KIND, 'a300')
        await store.insert(matching('a250'))
      })
      t.same(met, [['a600', 'a500'], ['a400', 'a250'], ['a200', 'a100']])
      t.same(await pages(store, filter, 9), [['a550', 'a400', 'a250', 'a200', 'a100']])
    })

    t.test(`${name}: meet once what is there throughout, whatever else changes`, async t => {
      const store = await open(t)
      const lasting = Array.from({ length: 40 }, (_, index) => `a${100 + index * 10}`)
      for (const id of lasting) await store.insert(matching(id))
      const done = new AbortController()
      const changing = Promise.all([3, 5, 7].map(async offset => {
        for (let round = 0; !done.signal.aborted; round = (round + 7) % 40) {
          const id = `a${100 + round * 10 + offset}`
          await store.insert(matching(id))
          await store.remove(KIND, id)
        }
      }))
      for (let walk = 0; walk < 5; walk++) {
        const met = (await pages(store, filter, 7)).flat()
        t.same(met.filter(id => lasting.includes(id)), lasting.toReversed())
        t.equal(new Set(met).size, met.length)
      }
      done.abort()
      await changing
    })
  }

  t.test('of one execution: are not mixed with those of a similar name', async t => {
    const store = await open(t)
    const names = ['run', 'run-', 'run-1', 'run/1', 'run%2F1', 'run%00', 'RUN', 'läuft', 'la\u0308uft', '\u{1F600}', '\u{1F600}\u{1F600}', '\uffff', '\x01', ' ', '..']
    for (const [index, executionId] of names.entries()) await store.insert(newRecord(`a${index}`, { indexed: { execution_id: [executionId] } }))
    for (const [index, executionId] of names.entries()) {
      t.same(await pages(store, byExecution(executionId), 1), [[`a${index}`]], JSON.stringify(executionId))
    }
    for (const executionId of ['', 'ru', 'run-12']) t.same(await pages(store, byExecution(executionId), 9), [[]])
  })

  t.test('of one value: hold what has it among others, and are apart for each attribute', async t => {
    const store = await open(t)
    await store.insert(newRecord('a', { indexed: { label: ['x', 'y'], owner: ['z'] } }))
    await store.insert(newRecord('b', { indexed: { label: ['y'], owner: ['x'] } }))
    const ids = async (attribute: string, value: string) => (await pages(store, { indexed: [{ attribute, value }] }, 9)).flat()
    t.same([await ids('label', 'x'), await ids('label', 'y'), await ids('owner', 'x'), await ids('label', 'z')], [['a'], ['b', 'a'], ['b'], []])
  })

  t.test('of all: go by id, also where one id begins with another', async t => {
    const store = await open(t)
    const ids = ['exec', 'exec-0', 'exec-00', 'exec-1', 'exec.', 'execa']
    for (const id of ids.toReversed()) await store.insert(newRecord(id))
    t.same((await pages(store, {}, 2)).flat(), ids.toReversed())
  })

  t.test('of several values: hold what has them all, by whichever is rare', async t => {
    const store = await open(t)
    const ids = Array.from({ length: 60 }, (_, index) => `a${100 + index}`)
    const divisors = [2, 3, 5, 59, 61]
    const has = (index: number) => divisors.filter(divisor => index % divisor === 0).map(String)
    for (const [index, id] of ids.entries()) {
      await store.insert(newRecord(id, { indexed: { divisor: has(index), parity: [String(index % 2)] } }))
    }
    for (const wanted of [[2, 3], [3, 2], [59, 2], [2, 59], [5, 3, 2], [2, 2], [61], [59, 61], [61, 7], [7]]) {
      const expected = ids.filter((_, index) => wanted.every(divisor => has(index).includes(String(divisor)))).toReversed()
      const filter = { indexed: wanted.map(divisor => ({ attribute: 'divisor', value: String(divisor) })) }
      for (const limit of [1, 4, 99]) t.same((await pages(store, filter, limit)).flat(), expected, `${wanted}`)
    }
    const both = { indexed: [{ attribute: 'parity', value: '1' }, { attribute: 'divisor', value: '3' }] }
    t.same((await pages(store, both, 4)).flat(), ids.filter((_, index) => index % 6 === 3).toReversed())
  })

  t.test('of what expires before a time: hold that alone, by id, with other filters or without', async t => {
    const clock = new TestClock(0)
    const store = await open(t, clock)
    const ids = Array.from({ length: 30 }, (_, index) => `a${100 + index}`)
    for (const [index, id] of ids.entries()) {
      const indexed = { parity: [String(index % 2)] }
      await store.insert(newRecord(id, { expireTime: index % 3 === 0 ? undefined : 1000 - index, indexed }))
    }
    await store.insert(newRecord('other', { kind: 'other', expireTime: 1 }))
    clock.time = 980
    const end = (index: number) => index % 3 === 0 ? Infinity : 1000 - index
    for (const expiresBefore of [0, 979, 980, 981, 990, 1000, 1001, 1e15]) {
      const live = (index: number) => end(index) > 980 && end(index) < expiresBefore
      t.same((await pages(store, { expiresBefore }, 3)).flat(), ids.filter((_, index) => live(index)).toReversed(), String(expiresBefore))
      const odd = { expiresBefore, indexed: [{ attribute: 'parity', value: '1' }] }
      t.same((await pages(store, odd, 3)).flat(), ids.filter((_, index) => live(index) && index % 2 === 1).toReversed())
    }
    await store.renew(KIND, 'a101', { expireTime: 985 })
    t.same((await pages(store, { expiresBefore: 986 }, 9)).flat(), ['a119', 'a117', 'a116', 'a101'], 'by the time that it was renewed to')
  })

  t.test('are removed as they would be met, each for one caller', async t => {
    const { store, feed } = await openBoth(t)
    const ids = Array.from({ length: 50 }, (_, index) => `a${100 + index}`)
    for (const id of ids) await store.insert(matching(id))
    await store.insert(newRecord('b', { indexed: { execution_id: ['running'] } }))
    const first = await store.removePage(KIND, byExecution('run'), undefined, 20)
    t.same(first.removed.map(({ id }) => id), ids.slice(-20).toReversed())
    t.same(first.removed.at(0)?.body, matching('a149').body)

    const told: string[] = []
    const callers = await Promise.all(Array.from({ length: 8 }, async () => {
      const removed: string[] = []
      for (let cursor = first.cursor; cursor !== undefined;) {
        const page = await store.removePage(KIND, byExecution('run'), cursor, 7, ({ id }) => ({ events: [{ kind: KIND, id, data: '' }] }))
        removed.push(...page.removed.map(({ id }) => id))
        cursor = page.cursor
      }
      return removed
    }))
    t.same(callers.flat().toSorted(), ids.slice(0, 30))
    for (let after: string | undefined; ;) {
      const changes = await feed.changes(after, 99)
      if (changes.length === 0) break
      told.push(...changes.map(({ event }) => event!.id))
      after = changes.at(-1)!.position
    }
    t.same(told.toSorted(), ids.slice(0, 30), 'each with what comes along')
    t.same((await pages(store, {}, 9)).flat(), ['b'])
    t.same(await store.removePage(KIND, byExecution('run'), undefined, 9), { removed: [], damaged: [], cursor: undefined })
  })
}
