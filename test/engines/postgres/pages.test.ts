import t from 'tap'
import { systemClock } from '../../../src/clock.js'
import { newDataDir } from '../../support/data-dir.js'
import { KIND, newRecord } from '../../support/records.js'
import { postgresEngines } from './support.js'

const { open } = await postgresEngines(t)
const idOf = (index: number) => String(index).padStart(6, '0')

t.test('a page of large records ends early, and the next goes on', async t => {
  const { store, close } = await open(newDataDir(t), systemClock)
  t.teardown(close)
  for (let index = 0; index < 20; index++) await store.insert(newRecord(idOf(index), { body: Buffer.alloc(1024 * 1024, index) }))
  const sizes: number[] = []
  for (let cursor: string | undefined; ;) {
    const page = await store.page(KIND, {}, cursor, 100)
    for (const { id, body } of page.records) t.equal(body[0], Number(id))
    sizes.push(page.records.length)
    if ((cursor = page.cursor) === undefined) break
  }
  t.same(sizes, [8, 8, 4])
})

t.test('what is passed over is bounded too, and each record is met once', async t => {
  const { store, close } = await open(newDataDir(t), systemClock)
  t.teardown(close)
  const records = Array.from({ length: 11_000 }, (_, index) => newRecord(idOf(index), { indexed: { all: ['x'], few: index % 4_000 === 1 ? ['y'] : ['z'] } }))
  await Promise.all(records.map(record => store.insert(record)))
  const found: string[][] = []
  const filter = { indexed: [{ attribute: 'all', value: 'x' }, { attribute: 'few', value: 'y' }] }
  for (let cursor: string | undefined; ;) {
    const page = await store.page(KIND, filter, cursor, 2)
    found.push(page.records.map(({ id }) => id))
    if ((cursor = page.cursor) === undefined) break
  }
  t.same(found, [['008001'], ['004001'], ['000001']])
  const { records: all, cursor } = await store.page(KIND, filter, undefined, 100)
  t.same(all.map(({ id }) => id), ['008001'])
  t.equal(cursor, idOf(6_000))
})
