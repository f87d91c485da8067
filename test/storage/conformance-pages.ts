import type { Test } from 'tap'
import type { PageFilter, Store } from '../../src/storage/store.js'
import { KIND, newRecord } from '../support/records.js'
import type { Open } from './conformance.js'

/** The ids on every page from the first to the last. */
async function pages (store: Store, filter: PageFilter | undefined, limit: number, between = async () => {}): Promise<string[][]> {
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

const byExecution = (value: string): PageFilter => ({ attribute: 'execution_id', value })
const FILTERS: Record<string, PageFilter | undefined> = { 'of all': undefined, 'of one execution': byExecution('run') }
/** A record that every one of FILTERS accepts. */
const matching = (id: string) => newRecord(id, { indexed: { execution_id: ['other', 'run'] } })

export function testPages (t: Test, open: Open): void {
  for (const [name, filter] of Object.entries(FILTERS)) {
    t.test(`${name}: hold at most the limit, and a cursor where more follows`, async t => {
      const store = await open(t)
      t.same(await store.page(KIND, filter, undefined, 3), { records: [], damaged: [], cursor: undefined })
      const ids = ['a100', 'a200', 'a300', 'a400', 'a500', 'a600']
      for (const id of ids.toReversed()) await store.insert(matching(id))
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
        await store.remove(KIND, 'a200') // where the cursor stands
        await store.remove(KIND, 'a100')
        await store.insert(matching('a150'))
        await store.remove(KIND, 'a400')
        await store.insert(matching('a450'))
      })
      t.same(met, [['a100', 'a200'], ['a300', 'a450'], ['a500', 'a600']])
      t.same(await pages(store, filter, 9), [['a150', 'a300', 'a450', 'a500', 'a600']])
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
        t.same(met.filter(id => lasting.includes(id)), lasting)
        t.equal(new Set(met).size, met.length)
      }
      done.abort()
      await changing
    })
  }

  t.test('of one execution: are not mixed with those of a similar name', async t => {
    const store = await open(t)
    const names = ['run', 'run-', 'run-1', 'run\0', 'run\0a0', 'run/1', 'run%2F1', 'run%00', 'RUN', 'läuft', 'la\u0308uft', '\u{1F600}', '\u{1F600}\u{1F600}', '\uffff', '\x01', ' ', '..']
    for (const [index, executionId] of names.entries()) await store.insert(newRecord(`a${index}`, { indexed: { execution_id: [executionId] } }))
    for (const [index, executionId] of names.entries()) {
      t.same(await pages(store, byExecution(executionId), 1), [[`a${index}`]], JSON.stringify(executionId))
    }
    for (const executionId of ['', 'ru', 'run-12', '\0']) t.same(await pages(store, byExecution(executionId), 9), [[]])
  })

  t.test('of one value: hold what has it among others, and are apart for each attribute', async t => {
    const store = await open(t)
    await store.insert(newRecord('a', { indexed: { label: ['x', 'y'], owner: ['z'] } }))
    await store.insert(newRecord('b', { indexed: { label: ['y'], owner: ['x'] } }))
    const ids = async (attribute: string, value: string) => (await pages(store, { attribute, value }, 9)).flat()
    t.same([await ids('label', 'x'), await ids('label', 'y'), await ids('owner', 'x'), await ids('label', 'z')], [['a'], ['a', 'b'], ['b'], []])
  })

  t.test('of all: go by id, also where one id begins with another', async t => {
    const store = await open(t)
    const ids = ['exec', 'exec-0', 'exec-00', 'exec-1', 'exec.', 'execa']
    for (const id of ids.toReversed()) await store.insert(newRecord(id))
    t.same((await pages(store, undefined, 2)).flat(), ids)
  })
}
