import type { Test } from 'tap'
import type { Filter, StoredRecord } from '../../src/storage/store.js'
import { KIND, newRecord, plain } from '../support/records.js'
import type { Open } from './conformance.js'

const byExecution = (value: string): Filter => ({ indexed: [{ attribute: 'execution_id', value }] })
const ofExecution = (value: string): Pick<StoredRecord, 'indexed'> => ({ indexed: { execution_id: [value] } })

export function testRecords (t: Test, open: Open): void {
  t.test('is found by id and by slug, with all it has', async t => {
    const store = await open(t)
    const bare = newRecord('bare', { indexed: {} })
    const full = newRecord('full', {
      scope: 'läuft/1 \u{1F600}',
      indexed: { execution_id: ['läuft/1 \u{1F600}', ''], label: ['b', 'a'] },
      expireTime: Number.MAX_SAFE_INTEGER,
      sealedBy: 'key-1',
      revision: 4_294_967_295
    })
    for (const record of [bare, full]) await store.insert(record)
    for (const record of [bare, full]) {
      t.same(plain(await store.find(KIND, record.id)), plain(record))
      t.same(plain(await store.findBySlug(KIND, record.scope, record.slug!)), plain(record))
    }
  })

  t.test('without a slug is found by its id, beside others without one', async t => {
    const store = await open(t)
    const records = ['a', 'b'].map(id => newRecord(id, { slug: undefined }))
    for (const record of records) await store.insert(record)
    for (const record of records) t.same(plain(await store.find(KIND, record.id)), plain(record))
    t.equal(await store.findBySlug(KIND, '', ''), undefined)
    await store.replace(newRecord('a', { revision: 2 }), 1)
    t.equal((await store.findBySlug(KIND, '', 'slug-a'))?.id, 'a')
    await store.replace(newRecord('a', { slug: undefined, revision: 3 }), 2)
    t.equal(await store.findBySlug(KIND, '', 'slug-a'), undefined)
  })

  t.test('has its slug for itself in its scope, and shares it with other scopes', async t => {
    const store = await open(t)
    const scopes = ['', 'acme', 'acm', '"acme"', 'e\u0301', '\u00e9']
    for (const [index, scope] of scopes.entries()) await store.insert(newRecord(`a${index}`, { scope, slug: 'same' }))
    for (const [index, scope] of scopes.entries()) {
      t.equal((await store.findBySlug(KIND, scope, 'same'))?.id, `a${index}`)
      await t.rejects(store.insert(newRecord('b', { scope, slug: 'same' })), { code: 'already_exists', existingId: `a${index}` })
    }
    t.equal(await store.findBySlug(KIND, 'other', 'same'), undefined)
    await store.replace(newRecord('a0', { scope: 'other', slug: 'same', revision: 2 }), 1)
    t.equal(await store.findBySlug(KIND, '', 'same'), undefined)
    await t.rejects(store.replace(newRecord('a0', { scope: 'acme', slug: 'same', revision: 3 }), 2), { code: 'already_exists', existingId: 'a1' })
  })

  t.test('that is absent is undefined', async t => {
    const store = await open(t)
    await store.insert(newRecord('a-b', { slug: 'c-d' }))
    for (const name of ['a', 'a-', 'a-bc', 'c', 'c-', 'c-de', '', 'A-B']) {
      t.equal(await store.find(KIND, name), undefined)
      t.equal(await store.findBySlug(KIND, '', name), undefined)
      t.equal(await store.remove(KIND, name), undefined)
      t.equal(await store.renew(KIND, name, { expireTime: 5 }), false)
    }
    t.equal(await store.find(KIND, 'c-d'), undefined, 'a slug is no id')
    t.equal(await store.findBySlug(KIND, '', 'a-b'), undefined, 'an id is no slug')
  })

  t.test('is apart from one whose id begins with its own', async t => {
    const store = await open(t)
    const records = ['run', 'run-1', 'run-10'].map(id => newRecord(id, ofExecution('same')))
    for (const record of records) await store.insert(record)
    t.equal((await store.remove(KIND, 'run-1'))?.id, 'run-1')
    t.same(plain(await store.find(KIND, 'run')), plain(records[0]))
    t.same(plain(await store.findBySlug(KIND, '', 'slug-run-10')), plain(records[2]))
    t.same((await store.page(KIND, {}, undefined, 9)).records.map(({ id }) => id), ['run-10', 'run'])
  })

  t.test('is apart from one of another kind', async t => {
    const store = await open(t)
    const kinds = ['session', 'session_2', 'agent']
    for (const kind of kinds) await store.insert(newRecord('same', { kind, body: Buffer.from(kind) }))
    t.equal((await store.remove('session', 'same'))?.kind, 'session')
    t.equal(await store.findBySlug('session', '', 'slug-same'), undefined)
    for (const kind of kinds.slice(1)) {
      t.equal((await store.find(kind, 'same'))?.kind, kind)
      t.equal((await store.findBySlug(kind, '', 'slug-same'))?.kind, kind)
      for (const filter of [{}, byExecution('run-same')]) {
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
    const first = newRecord('a', ofExecution('old'))
    const second = { ...first, slug: 'new-slug', ...ofExecution('new'), revision: 2, body: Buffer.from('new') }
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
    const ids = async (value: string) => (await store.page(KIND, byExecution(value), undefined, 9)).records.map(({ id }) => id)
    await store.insert(newRecord('a', { indexed: { execution_id: ['old', 'both'] } }))
    await store.replace(newRecord('a', { slug: 'new', indexed: { execution_id: ['both', 'new'] }, revision: 2 }), 1)
    t.equal(await store.findBySlug(KIND, '', 'slug-a'), undefined)
    t.equal((await store.findBySlug(KIND, '', 'new'))?.revision, 2)
    t.same([await ids('old'), await ids('both'), await ids('new')], [[], ['a'], ['a']])
    await store.insert(newRecord('b', { slug: 'slug-a' }))
    t.equal((await store.findBySlug(KIND, '', 'slug-a'))?.id, 'b', 'its old slug is free')
  })

  t.test('is removed only at a revision given, and its indexes with it', async t => {
    const store = await open(t)
    const record = newRecord('a', { revision: 3, ...ofExecution('x') })
    await store.insert(record)
    for (const revisions of [[], [0], [2, 4]]) await t.rejects(store.remove(KIND, 'a', revisions), { code: 'aborted' })
    t.same(plain(await store.remove(KIND, 'a', [2, 3])), plain(record))
    t.equal(await store.findBySlug(KIND, '', 'slug-a'), undefined)
    for (const filter of [{}, byExecution('x')]) t.same((await store.page(KIND, filter, undefined, 9)).records, [])
    await store.insert(newRecord('a'))
    t.equal((await store.findBySlug(KIND, '', 'slug-a'))?.revision, 1, 'id and slug are free again')
  })

  t.test('that is refused leaves nothing behind', async t => {
    const store = await open(t)
    const held = newRecord('held')
    const refused = { ...ofExecution('x'), expireTime: Number.MAX_SAFE_INTEGER, sealedBy: 'key-1' }
    await store.insert(held)
    await t.rejects(store.insert(newRecord('held', { slug: 'free', ...refused })), { code: 'already_exists', existingId: 'held' })
    await t.rejects(store.insert(newRecord('free', { slug: held.slug, ...refused })), { code: 'already_exists', existingId: 'held' })
    await store.insert(newRecord('other'))
    await t.rejects(store.replace(newRecord('other', { slug: held.slug, ...refused, revision: 2 }), 1), { code: 'already_exists', existingId: 'held' })

    t.same(plain(await store.find(KIND, 'held')), plain(held))
    t.same(plain(await store.findBySlug(KIND, '', 'slug-held')), plain(held))
    t.same(plain(await store.findBySlug(KIND, '', 'slug-other')), plain(newRecord('other')))
    t.equal(await store.findBySlug(KIND, '', 'free'), undefined)
    t.equal(await store.find(KIND, 'free'), undefined)
    t.same((await store.page(KIND, byExecution('x'), undefined, 9)).records, [])
    t.equal((await store.keysInUse()).size, 0)
  })
}
