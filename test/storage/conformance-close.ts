import type { Test } from 'tap'
import type { Store } from '../../src/storage/store.js'
import { KIND, newRecord } from '../support/records.js'
import type { Open } from './conformance.js'

export function testClose (t: Test, open: Open): void {
  t.test('is preceded by ready', async t => {
    const store = await open(t)
    await Promise.all([store.ready(), store.ready(), store.ready()])
    t.same((await store.page(KIND, {}, undefined, 9)).records, [], 'which leaves nothing that can be met')
  })

  t.test('finishes what was accepted, whichever way it is asked for', async t => {
    const store = await open(t)
    await store.insert(newRecord('there'))
    const accepted = [
      store.find(KIND, 'there'),
      store.findBySlug(KIND, '', 'slug-there'),
      store.page(KIND, {}, undefined, 9),
      store.ready(),
      ...Array.from({ length: 50 }, (_, index) => store.insert(newRecord(`r${index}`))),
      store.remove(KIND, 'r1')
    ]
    await Promise.all([store.close(), store.close(), ...accepted])
    await store.close()
    const [found, bySlug, page] = await Promise.all(accepted) as [any, any, any]
    t.same([found.id, bySlug.id, page.records[0].id], ['there', 'there', 'there'])
  })

  t.test('finishes a read that was accepted, with nothing else to wait for', async t => {
    for (const read of [
      (store: Store) => store.find(KIND, 'there'),
      (store: Store) => store.findBySlug(KIND, '', 'slug-there'),
      (store: Store) => store.page(KIND, {}, undefined, 9),
      (store: Store) => store.keysInUse()
    ]) {
      const store = await open(t)
      await store.insert(newRecord('there'))
      const reading = read(store)
      await store.close()
      t.ok(await reading)
    }
  })

  t.test('refuses everything that comes after it', async t => {
    const store = await open(t)
    await store.insert(newRecord('there'))
    const closing = store.close()
    for (const moment of ['at once', 'when it is done']) {
      const late = [
        () => store.insert(newRecord('late')),
        () => store.find(KIND, 'there'),
        () => store.findBySlug(KIND, '', 'slug-there'),
        () => store.replace(newRecord('there', { revision: 2 }), 1),
        () => store.renew(KIND, 'there', { expireTime: 1 }),
        () => store.remove(KIND, 'there'),
        () => store.sweep(1),
        () => store.keysInUse(),
        () => store.page(KIND, {}, undefined, 9),
        () => store.ready()
      ]
      for (const call of late) await t.rejects(async () => { await call() }, { code: 'unavailable' }, `${moment}: ${call}`)
      await closing
    }
  })
}
