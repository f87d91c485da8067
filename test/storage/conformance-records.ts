import type { Test } from 'tap'
import { KIND, newRecord, plain } from '../support/records.js'
import type { Open } from './conformance.js'

export function testRecords (t: Test, open: Open): void {
  t.test('is found by id and by slug, with all it has', async t => {
    const store = await open(t)
    const bare = newRecord('bare')
    const full = newRecord('full', { expireTime: 1_800_000_000_000, revision: 4_294_967_295, executionId: 'läuft/1\0 \u{1F600}' })
    await store.insert(bare)
    await store.insert(full)
    for (const record of [bare, full]) {
      t.same(plain(await store.find(KIND, record.id)), plain(record))
      t.same(plain(await store.findBySlug(KIND, record.slug)), plain(record))
    }
  })

  t.test('that is absent is undefined', async t => {
    const store = await open(t)
    await store.insert(newRecord('a-b', { slug: 'c-d' }))
    for (const name of ['a', 'a-', 'a-bc', 'c', 'c-', 'c-de', '', 'A-B']) {
      t.equal(await store.find(KIND, name), undefined)
      t.equal(await store.findBySlug(KIND, name), undefined)
      t.equal(await store.remove(KIND, name), undefined)
    }
    t.equal(await store.find(KIND, 'c-d'), undefined, 'a slug is no id')
    t.equal(await store.findBySlug(KIND, 'a-b'), undefined, 'an id is no slug')
  })

  t.test('is apart from one whose id begins with its own', async t => {
    const store = await open(t)
    const records = ['run', 'run-1', 'run-10'].map(id => newRecord(id, { executionId: 'same' }))
    for (const record of records) await store.insert(record)
    t.equal((await store.remove(KIND, 'run-1'))?.id, 'run-1')
    t.same(plain(await store.find(KIND, 'run')), plain(records[0]))
    t.same(plain(await store.findBySlug(KIND, 'slug-run-10')), plain(records[2]))
    t.same((await store.page(KIND, {}, undefined, 9)).records.map(({ id }) => id), ['run', 'run-10'])
  })

  t.test('is apart from one of another kind', async t => {
    const store = await open(t)
    const kinds = ['session', 'session_2', 'agent']
    for (const kind of kinds) await store.insert(newRecord('same', { kind, expireTime: 1, body: Buffer.from(kind) }))
    t.equal((await store.remove('session', 'same'))?.kind, 'session')
    t.equal(await store.findBySlug('session', 'slug-same'), undefined)
    for (const kind of kinds.slice(1)) {
      t.equal((await store.find(kind, 'same'))?.kind, kind)
      t.equal((await store.findBySlug(kind, 'slug-same'))?.kind, kind)
      for (const filter of [{}, { executionId: 'run-same' }, { expiresBefore: 2 }]) {
        t.same((await store.page(kind, filter, undefined, 9)).records.map(record => record.kind), [kind])
      }
    }
  })

  t.test('keeps a body of any size and content', async t => {
    const store = await open(t)
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    for (const [name, body] of Object.entries({ empty: Buffer.alloc(0), everyByte, large: Buffer.alloc(2 * 1024 * 1024, everyByte) })) {
      await store.insert(newRecord(name, { body }))
      t.ok(body.equals((await store.find(KIND, name))!.body), name)
    }
  })

  t.test('is replaced only over the revision given', async t => {
    const store = await open(t)
    const first = newRecord('a', { executionId: 'old', expireTime: 10 })
    const second = { ...first, slug: 'new-slug', executionId: 'new', expireTime: 20, revision: 2, body: Buffer.from('new') }
    await store.insert(first)
    for (const revision of [0, 2]) await t.rejects(store.replace(second, revision), { code: 'aborted' })
    await t.rejects(store.replace(newRecord('absent', { revision: 2 }), 1), { code: 'aborted' })
    t.same(plain(await store.find(KIND, 'a')), plain(first))
    t.equal(await store.find(KIND, 'absent'), undefined)
    await store.replace(second, 1)
    await t.rejects(store.replace(second, 1), { code: 'aborted' })
    t.same(plain(await store.find(KIND, 'a')), plain(second))
  })

  t.test('that is replaced changes its indexes', async t => {
    const store = await open(t)
    const ids = async (filter: object) => (await store.page(KIND, filter, undefined, 9)).records.map(({ id }) => id)
    await store.insert(newRecord('a', { executionId: 'old', expireTime: 10 }))
    await store.replace(newRecord('a', { slug: 'new', executionId: 'new', expireTime: 20, revision: 2 }), 1)
    t.equal(await store.findBySlug(KIND, 'slug-a'), undefined)
    t.equal((await store.findBySlug(KIND, 'new'))?.revision, 2)
    t.same(await ids({ executionId: 'old' }), [])
    t.same(await ids({ executionId: 'new' }), ['a'])
    t.same(await ids({ expiresBefore: 20 }), [])
    t.same(await ids({ expiresBefore: 21 }), ['a'])

    await store.replace(newRecord('a', { slug: 'new', executionId: 'new', revision: 3 }), 2)
    t.same(await ids({ expiresBefore: Number.MAX_SAFE_INTEGER }), [], 'one that does not expire any more is in no expiry page')
    await store.insert(newRecord('b', { slug: 'slug-a' }))
    t.equal((await store.findBySlug(KIND, 'slug-a'))?.id, 'b', 'its old slug is free')
  })

  t.test('is removed only at the revision given, and its indexes with it', async t => {
    const store = await open(t)
    const record = newRecord('a', { revision: 3, expireTime: 10 })
    await store.insert(record)
    for (const revision of [0, 2, 4]) await t.rejects(store.remove(KIND, 'a', revision), { code: 'aborted' })
    t.same(plain(await store.remove(KIND, 'a', 3)), plain(record))
    t.equal(await store.findBySlug(KIND, record.slug), undefined)
    for (const filter of [{}, { executionId: record.executionId }, { expiresBefore: 11 }]) {
      t.same((await store.page(KIND, filter, undefined, 9)).records, [])
    }
    await store.insert(newRecord('a'))
    t.equal((await store.findBySlug(KIND, record.slug))?.revision, 1, 'id and slug are free again')
  })

  t.test('that is refused leaves nothing behind', async t => {
    const store = await open(t)
    const held = newRecord('held')
    await store.insert(held)
    await t.rejects(store.insert(newRecord('held', { slug: 'free', executionId: 'x', expireTime: 1 })), { code: 'already_exists', existingId: 'held' })
    await t.rejects(store.insert(newRecord('free', { slug: held.slug, executionId: 'x', expireTime: 1 })), { code: 'already_exists', existingId: 'held' })
    await store.insert(newRecord('other'))
    await t.rejects(store.replace(newRecord('other', { slug: held.slug, executionId: 'x', expireTime: 1, revision: 2 }), 1), { code: 'already_exists', existingId: 'held' })

    t.same(plain(await store.find(KIND, 'held')), plain(held))
    t.same(plain(await store.findBySlug(KIND, held.slug)), plain(held))
    t.same(plain(await store.findBySlug(KIND, 'slug-other')), plain(newRecord('other')))
    t.equal(await store.findBySlug(KIND, 'free'), undefined)
    t.equal(await store.find(KIND, 'free'), undefined)
    t.same((await store.page(KIND, { executionId: 'x' }, undefined, 9)).records, [])
    t.same((await store.page(KIND, { expiresBefore: 2 }, undefined, 9)).records, [])
  })
}
