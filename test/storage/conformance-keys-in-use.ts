import type { Test } from 'tap'
import type { Store, StoredRecord } from '../../src/storage/store.js'
import { TestClock } from '../support/clock.js'
import { KIND, newRecord } from '../support/records.js'
import type { Open } from './conformance.js'

export function testKeysInUse (t: Test, open: Open): void {
  const keys = async (store: Store) => [...await store.keysInUse()].toSorted()

  t.test('are right after every kind of change', async t => {
    const clock = new TestClock(0)
    const store = await open(t, clock)
    const record = (id: string, sealedBy: string | undefined, more: Partial<StoredRecord> = {}) => newRecord(id, { sealedBy, ...more })
    t.same(await keys(store), [])
    await store.insert(record('a', 'key-1', { expireTime: 100 }))
    await store.insert(record('b', 'key-1', { kind: 'session' }))
    await store.insert(record('c', 'key-2'), { records: [record('d', 'key-10', { kind: 'beside', slug: undefined })] })
    await store.insert(record('plain', undefined))
    t.same(await keys(store), ['key-1', 'key-10', 'key-2'])
    await t.rejects(store.insert(record('a', 'key-9')), { code: 'already_exists' })
    await store.replace(record('c', 'key-3', { revision: 2 }), 1)
    t.same(await keys(store), ['key-1', 'key-10', 'key-3'])
    await store.replace(record('c', undefined, { revision: 3 }), 2)
    t.same(await keys(store), ['key-1', 'key-10'])
    await store.remove('session', 'b')
    t.same(await keys(store), ['key-1', 'key-10'], 'another is still sealed by it')
    await store.renew(KIND, 'a', { expireTime: 200 })
    clock.time = 200
    t.same(await keys(store), ['key-1', 'key-10'], 'though it has expired')
    await store.sweep(9)
    t.same(await keys(store), ['key-10'])
    await store.remove('beside', 'd')
    t.same(await keys(store), [])
  })

  t.test('are found among many records, each once', async t => {
    const store = await open(t)
    const used = Array.from({ length: 12 }, (_, index) => `key-${index}`)
    await Promise.all(Array.from({ length: 600 }, (_, index) => store.insert(newRecord(`a${index}`, { sealedBy: used[index % 12] }))))
    t.same(await keys(store), used.toSorted())
    await Promise.all(Array.from({ length: 600 }, (_, index) => index % 12 === 7 ? undefined : store.remove(KIND, `a${index}`)))
    t.same(await keys(store), ['key-7'])
  })
}
