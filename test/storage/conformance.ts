import type { Test } from 'tap'
import type { Clock } from '../../src/clock.js'
import type { Engine, Supports } from '../../src/engines/engine.js'
import type { Store } from '../../src/storage/store.js'
import { TestClock } from '../support/clock.js'
import { newDataDir } from '../support/data-dir.js'
import { KIND, newRecord, plain } from '../support/records.js'
import { newEvent } from '../audit/support.js'
import { testAlong } from './conformance-along.js'
import { testClose } from './conformance-close.js'
import { testExpiry } from './conformance-expiry.js'
import { testFeed } from './conformance-feed.js'
import { testKeysInUse } from './conformance-keys-in-use.js'
import { testKinds } from './conformance-kinds.js'
import { testPages } from './conformance-pages.js'
import { testRaces } from './conformance-races.js'
import { testRecords } from './conformance-records.js'

/** An engine's store, and the feed and the audit log that what comes along with its changes gets into. */
export type Opened = Pick<Engine, 'store' | 'feed' | 'audit' | 'close'>

/** An engine's stores under test; what `supports` declares is tested, and no more. */
export interface StoreEngine {
  readonly name: string
  readonly supports: Supports
  open (directory: string, clock: Clock): Promise<Opened>
}

/** A store of the engine with its audit log, in a directory of its own, closed when the test ends. */
export type OpenBoth = (t: Test, clock?: Clock) => Promise<Opened>
export type Open = (t: Test, clock?: Clock) => Promise<Store>

/** Holds `engine` to every promise of the `Store` contract. */
export function testStore (t: Test, engine: StoreEngine): void {
  const reopen = async (t: Test, directory: string, clock: Clock = new TestClock()) => {
    const opened = await engine.open(directory, clock)
    t.teardown(() => opened.close())
    return opened
  }
  const openBoth: OpenBoth = async (t, clock) => reopen(t, newDataDir(t), clock)
  const open: Open = async (t, clock) => (await openBoth(t, clock)).store

  t.test(`${engine.name}: one record`, async t => testRecords(t, open))
  t.test(`${engine.name}: races`, async t => testRaces(t, open))
  t.test(`${engine.name}: pages`, async t => testPages(t, openBoth))
  t.test(`${engine.name}: expiry`, async t => testExpiry(t, open))
  t.test(`${engine.name}: what comes along`, async t => testAlong(t, openBoth))
  t.test(`${engine.name}: feed`, async t => testFeed(t, openBoth))
  t.test(`${engine.name}: keys in use`, async t => testKeysInUse(t, open))
  t.test(`${engine.name}: kinds`, async t => testKinds(t, open))
  t.test(`${engine.name}: close`, async t => testClose(t, open))

  t.test(`${engine.name}: reopen`, async t => {
    const { durable } = engine.supports
    const directory = newDataDir(t)
    const clock = new TestClock(100)
    const { store, feed, close } = await reopen(t, directory, clock)
    const [kept, removed] = [newRecord('kept', { expireTime: 500, sealedBy: 'key-1' }), newRecord('removed', { sealedBy: 'key-2' })]
    const along = (id: string) => ({ events: [{ kind: KIND, id, data: id }], audit: [newEvent(id)] })
    await Promise.all([store.insert(kept, along('kept')), store.insert(removed, along('removed'))])
    await store.replace({ ...kept, slug: 'renamed', revision: 2 }, 1, along('kept'))
    await store.renew(KIND, 'kept', { expireTime: 900 })
    await store.remove(KIND, 'removed')
    const before = await feed.changes(undefined, 9)
    await close()

    const { store: again, feed: feedAgain, audit } = await reopen(t, directory, clock)
    const expected = durable ? { ...kept, slug: 'renamed', revision: 2, expireTime: 900 } : undefined
    t.same(plain(await again.find(KIND, 'kept')), plain(expected), 'keeps exactly what a durable engine acknowledged')
    t.same(plain(await again.findBySlug(KIND, '', 'renamed')), plain(expected))
    t.equal(await again.findBySlug(KIND, '', 'slug-kept'), undefined)
    t.equal(await again.find(KIND, 'removed'), undefined)
    t.equal(await again.findBySlug(KIND, '', 'slug-removed'), undefined)
    t.same([...await again.keysInUse()], durable ? ['key-1'] : [])
    t.equal((await audit.query({ pageSize: 9 })).events.length, durable ? 3 : 0)
    await again.insert(newRecord('new'), along('new'))
    const changes = await feedAgain.changes(undefined, 9)
    t.same(changes.map(({ event }) => event?.id), durable ? ['kept', 'removed', 'kept', 'new'] : ['new'])
    if (durable) t.same(changes.slice(0, 3), before, 'and numbers go on')
    clock.time = 900
    t.equal(await again.find(KIND, 'kept'), undefined)
    t.equal((await again.sweep(9)).removed.length, durable ? 1 : 0)
  })
}
