import type { Test } from 'tap'
import type { AuditLog } from '../../src/audit/audit-log.js'
import type { Feed } from '../../src/storage/feed.js'
import { newEvent } from '../audit/support.js'
import { TestClock } from '../support/clock.js'
import { KIND, newRecord, outcomes, plain } from '../support/records.js'
import type { OpenBoth } from './conformance.js'

const along = (id: string) => ({ events: [{ kind: KIND, id, data: `data of ${id}` }], audit: [newEvent(id)] })
const told = async (feed: Feed) => (await feed.changes(undefined, 10_000)).map(({ event }) => event?.id)
const audited = async (audit: AuditLog) => (await audit.query({ pageSize: 10_000 })).events.map(event => event.context_id)

export function testAlong (t: Test, open: OpenBoth): void {
  t.test('with every kind of change is committed with it, in its order', async t => {
    const clock = new TestClock(0)
    const { store, feed, audit } = await open(t, clock)
    await store.insert(newRecord('a', { expireTime: 100 }), along('1'))
    await store.insert(newRecord('b'), along('2'))
    await store.replace(newRecord('b', { revision: 2 }), 1, along('3'))
    await store.renew(KIND, 'a', { expireTime: 200 }, along('4'))
    await store.remove(KIND, 'b', [2], removed => along(`5 ${removed.id} ${removed.revision}`))
    clock.time = 200
    await store.sweep(9, removed => along(`6 ${removed.id}`))
    const expected = ['1', '2', '3', '4', '5 b 2', '6 a']
    t.same(await told(feed), expected)
    t.same(await audited(audit), expected)
  })

  t.test('with a change that is refused, or finds nothing, is not there', async t => {
    const { store, feed, audit } = await open(t)
    await store.insert(newRecord('a'))
    const { fulfilled } = await outcomes([
      store.insert(newRecord('a'), along('x')),
      store.insert(newRecord('b', { slug: 'slug-a' }), along('x')),
      store.insert(newRecord('c'), { ...along('x'), records: [newRecord('a')] }),
      store.replace(newRecord('a', { revision: 3 }), 2, along('x')),
      store.remove(KIND, 'a', [7], () => along('x'))
    ])
    t.equal(fulfilled, 0)
    t.equal(await store.remove(KIND, 'absent', undefined, () => along('x')), undefined)
    t.equal(await store.renew(KIND, 'absent', { expireTime: 1 }, along('x')), false)
    t.same((await store.sweep(9, () => along('x'))).removed, [])
    t.same(await told(feed), [])
    t.same(await audited(audit), [])
    t.equal(await store.find(KIND, 'c'), undefined)
  })

  t.test('may be a second record, which is stored with the first or not at all', async t => {
    const { store } = await open(t)
    const second = newRecord('key', { kind: 'idempotency', slug: undefined, indexed: {}, expireTime: Number.MAX_SAFE_INTEGER })
    await store.insert(newRecord('a'), { records: [second] })
    t.same(plain(await store.find('idempotency', 'key')), plain(second))
    await t.rejects(store.insert(newRecord('b'), { records: [second] }), { code: 'already_exists', existingId: 'key' })
    t.equal(await store.find(KIND, 'b'), undefined)
    await t.rejects(store.insert(newRecord('a'), { records: [{ ...second, id: 'other' }] }), { code: 'already_exists', existingId: 'a' })
    t.equal(await store.find('idempotency', 'other'), undefined)
  })

  t.test('may be any number of records with what is put in the place of another, and all of that is stored or nothing', async t => {
    const { store, feed } = await open(t)
    const beside = (id: string, kind = 'beside') => newRecord(id, { kind, slug: undefined, indexed: { of: ['a'] }, expireTime: Number.MAX_SAFE_INTEGER })
    const next = newRecord('a', { revision: 2, body: Buffer.from('next') })
    await store.insert(newRecord('a'))
    await store.insert(beside('taken'))
    await t.rejects(store.replace(next, 1, { ...along('x'), records: [beside('one'), beside('taken')] }), { code: 'already_exists', existingId: 'taken' })
    await t.rejects(store.replace({ ...next, revision: 3 }, 2, { ...along('x'), records: [beside('one')] }), { code: 'aborted' })
    t.equal((await store.find(KIND, 'a'))?.revision, 1)
    t.equal(await store.find('beside', 'one'), undefined)
    t.same(await told(feed), [])
    await Promise.all([
      store.replace(next, 1, { ...along('y'), records: [beside('one'), beside('two', 'other')] }),
      store.insert(newRecord('b'), { records: [beside('three'), beside('four')] })
    ])
    const again = Array.from({ length: 8 }, (_, at) => store.replace({ ...next, revision: 3 }, 2, { records: [beside(`z-${at}`)] }))
    t.equal((await outcomes(again)).fulfilled, 1)
    t.equal((await store.find(KIND, 'a'))?.revision, 3)
    t.equal((await store.page('beside', {}, undefined, 99)).records.length, 5)
    t.same(plain(await store.find('beside', 'one')), plain(beside('one')))
    t.same(plain(await store.find('other', 'two')), plain(beside('two', 'other')))
    t.same(await told(feed), ['y'])
  })

  t.test('may be several events of one change, together in their order', async t => {
    const { store, feed, audit } = await open(t)
    const several = (id: string) => ({
      events: [1, 2, 3].map(part => ({ kind: KIND, id: `${id} ${part}`, data: '' })),
      audit: [1, 2].map(part => newEvent(`${id} ${part}`))
    })
    await Promise.all(['a', 'b', 'c'].map(id => store.insert(newRecord(id), several(id))))
    t.same(await told(feed), ['a', 'b', 'c'].flatMap(id => [1, 2, 3].map(part => `${id} ${part}`)))
    t.same(await audited(audit), ['a', 'b', 'c'].flatMap(id => [1, 2].map(part => `${id} ${part}`)))
  })

  t.test('under 64 writers is in the order of the commits, without a gap, and audited in that order', async t => {
    const { store, feed, audit } = await open(t)
    const acknowledged = new Set<string>()
    const seen: string[] = []
    let writing = true
    const reading = (async () => {
      for (let after: string | undefined, isLast = false; !isLast;) {
        isLast = !writing
        const page = await feed.changes(after, 50)
        seen.push(...page.map(({ event }) => event!.id))
        after = page.at(-1)?.position ?? after
        if (page.length === 0) await new Promise(resolve => setImmediate(resolve))
        else isLast = false
      }
    })()
    await Promise.all(Array.from({ length: 64 }, async (_, writer) => {
      for (let turn = 0; turn < 12; turn++) {
        const id = `${writer}-${turn}`
        await store.insert(newRecord(id), along(`created ${id}`))
        acknowledged.add(`created ${id}`)
        if (turn % 3 === 0) {
          await store.remove(KIND, id, undefined, () => along(`deleted ${id}`))
          acknowledged.add(`deleted ${id}`)
        }
      }
    }))
    writing = false
    await reading
    t.same(await told(feed), seen, 'who followed saw each, in the order that stays')
    t.same(seen.toSorted(), [...acknowledged].toSorted())
    for (const id of seen.filter(id => id.startsWith('deleted'))) t.ok(seen.indexOf(id) > seen.indexOf(id.replace('deleted', 'created')))
    t.same(await audited(audit), seen)
  })
}
