import type { Test } from 'tap'
import type { Supports } from '../../src/engines/engine.js'
import type { NewRing } from './conformance.js'
import { CONTEXT, DAY, open, seal, unavailable } from './support.js'

export function testPruning (t: Test, supports: Supports, newRing: NewRing): void {
  /** A ring of three keys, a day apart, and what each of them sealed. */
  const threeKeys = async (t: Test) => {
    const made = await newRing(t)
    const sealed = []
    for (let day = 0; day < 3; day++) {
      if (day > 0) await made.ring.rotate()
      const key = await made.ring.current()
      sealed.push({ id: key.id, record: seal(key, CONTEXT, `day ${day}`) })
      made.clock.time += DAY
    }
    const [first, second, third] = sealed
    return { ...made, first: first!, second: second!, third: third! }
  }

  t.test('asks about retired keys only and destroys those it may', async t => {
    const { ring, first, second, third } = await threeKeys(t)
    const asked: unknown[] = []
    t.same(await ring.prune(key => asked.push(key) > 0 && key.retired_at <= '2030-01-02T00:00:00.000Z'), [first.id])
    t.same(asked, [
      { id: first.id, state: 'retired', created_at: '2030-01-01T00:00:00.000Z', retired_at: '2030-01-02T00:00:00.000Z' },
      { id: second.id, state: 'retired', created_at: '2030-01-02T00:00:00.000Z', retired_at: '2030-01-03T00:00:00.000Z' }
    ])
    t.match(ring.list(), [
      { id: first.id, state: 'destroyed', created_at: '2030-01-01T00:00:00.000Z', retired_at: '2030-01-02T00:00:00.000Z', destroyed_at: '2030-01-04T00:00:00.000Z' },
      { id: second.id, state: 'retired' },
      { id: third.id, state: 'active' }
    ])
  })

  t.test('makes what the key sealed unreadable, wherever the ring is and for ever', async t => {
    const { ring, again, clock, first, second, third } = await threeKeys(t)
    const others = supports.sharedKeys ? [await again()] : []
    await ring.prune(({ id }) => id === first.id)
    clock.time += 1_000
    if (supports.sharedKeys) others.push(await again())
    for (const each of [ring, ...others]) {
      await t.rejects(async () => open(each, CONTEXT, first.record), unavailable(new RegExp(`'${first.id}'.*destroyed`)))
      t.equal((await open(each, CONTEXT, second.record)).toString(), 'day 1')
      t.equal((await open(each, CONTEXT, third.record)).toString(), 'day 2')
    }
  })

  t.test('of nothing changes nothing', async t => {
    const { ring, store } = await threeKeys(t)
    const before = ring.list()
    t.same(await ring.prune(() => false), [])
    t.equal(await store.readIfChanged(), undefined)
    t.same(ring.list(), before)
  })

  t.test('destroys nothing where the callback fails', async t => {
    const { ring } = await threeKeys(t)
    const before = ring.list()
    await t.rejects(ring.prune(() => { throw new RangeError('do not know') }), { name: 'RangeError' })
    await ring.refresh()
    t.same(ring.list(), before)
    t.equal((await ring.rotate()).id, (await ring.current()).id)
  })
}
