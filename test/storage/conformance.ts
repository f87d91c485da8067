import type { Test } from 'tap'
import type { Supports } from '../../src/engines/engine.js'
import type { Store } from '../../src/storage/store.js'
import { newDataDir } from '../support/data-dir.js'
import { KIND, newRecord, plain } from '../support/records.js'
import { testClose } from './conformance-close.js'
import { testPages } from './conformance-pages.js'
import { testRaces } from './conformance-races.js'
import { testRecords } from './conformance-records.js'

/** An engine's stores under test; what `supports` declares is tested, and no more. */
export interface StoreEngine {
  readonly name: string
  readonly supports: Supports
  open (directory: string): Promise<Store>
}

/** A store of the engine, in a directory of its own, closed when the test ends. */
export type Open = (t: Test) => Promise<Store>

/** Holds `engine` to every promise of the `Store` contract. */
export function testStore (t: Test, engine: StoreEngine): void {
  const open: Open = async t => reopen(t, newDataDir(t))
  const reopen = async (t: Test, directory: string) => {
    const store = await engine.open(directory)
    t.teardown(() => store.close())
    return store
  }

  t.test(`${engine.name}: one record`, async t => testRecords(t, open))
  t.test(`${engine.name}: races`, async t => testRaces(t, open))
  t.test(`${engine.name}: pages`, async t => testPages(t, open))
  t.test(`${engine.name}: close`, async t => testClose(t, open))

  t.test(`${engine.name}: reopen`, async t => {
    const { durable } = engine.supports
    const directory = newDataDir(t)
    const store = await reopen(t, directory)
    const [kept, removed] = [newRecord('kept', { expireTime: 5 }), newRecord('removed')]
    await Promise.all([store.insert(kept), store.insert(removed)])
    await store.replace({ ...kept, slug: 'renamed', revision: 2 }, 1)
    await store.remove(KIND, 'removed')
    await store.close()

    const again = await reopen(t, directory)
    const expected = durable ? { ...kept, slug: 'renamed', revision: 2 } : undefined
    t.same(plain(await again.find(KIND, 'kept')), plain(expected), 'keeps exactly what a durable engine acknowledged')
    t.same(plain(await again.findBySlug(KIND, 'renamed')), plain(expected))
    t.equal(await again.findBySlug(KIND, kept.slug), undefined)
    t.equal(await again.find(KIND, 'removed'), undefined)
    t.equal(await again.findBySlug(KIND, removed.slug), undefined)
    t.equal((await again.page(KIND, { expiresBefore: 6 }, undefined, 9)).records.length, durable ? 1 : 0)
  })
}
