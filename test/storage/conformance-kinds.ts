import type { Test } from 'tap'
import { TestClock } from '../support/clock.js'
import { KIND, newRecord } from '../support/records.js'
import type { Open } from './conformance.js'

export function testKinds (t: Test, open: Open): void {
  t.test('are those that there is a record of', async t => {
    const clock = new TestClock(0)
    const store = await open(t, clock)
    const kinds = async () => [...await store.kinds()].toSorted()
    t.same(await kinds(), [])
    await store.insert(newRecord('a', { expireTime: 100 }))
    await store.insert(newRecord('b', { kind: 'session' }), { records: [newRecord('c', { kind: 'session-2', slug: undefined })] })
    await Promise.all(Array.from({ length: 300 }, (_, index) => store.insert(newRecord(`d${index}`, { kind: 'many' }))))
    t.same(await kinds(), [KIND, 'many', 'session', 'session-2'])
    await store.remove('session', 'b')
    t.same(await kinds(), [KIND, 'many', 'session-2'])
    clock.time = 100
    t.same(await kinds(), [KIND, 'many', 'session-2'], 'though it has expired')
    await store.sweep(9)
    t.same(await kinds(), ['many', 'session-2'])
  })
}
