import type { Test } from 'tap'
import { TestClock } from '../support/clock.js'
import { KIND, newRecord, outcomes, plain } from '../support/records.js'
import type { Open } from './conformance.js'

const ALL = { indexed: [{ attribute: 'execution_id', value: 'run' }] }
const expiring = (id: string, expireTime: number) => newRecord(id, { expireTime, indexed: { execution_id: ['run'] } })

export function testExpiry (t: Test, open: Open): void {
  t.test('hides a record from its first moment on, and shows it again where the clock goes back', async t => {
    const clock = new TestClock(99)
    const store = await open(t, clock)
    const record = expiring('a', 100)
    await store.insert(record)
    const seen = async () => [
      await store.find(KIND, 'a'), await store.findBySlug(KIND, '', 'slug-a'),
      ...(await store.page(KIND, {}, undefined, 9)).records, ...(await store.page(KIND, ALL, undefined, 9)).records
    ].filter(found => found !== undefined).map(plain)
    t.same(await seen(), Array(4).fill(plain(record)))
    for (clock.time of [100, 101, 1e15]) t.same(await seen(), [])
    await t.rejects(store.replace({ ...record, revision: 2 }, 1), { code: 'aborted' })
    t.equal(await store.remove(KIND, 'a'), undefined)
    t.equal(await store.renew(KIND, 'a', { expireTime: 2e15 }), false)
    clock.time = 99
    t.same(await seen(), Array(4).fill(plain(record)), 'nothing of that touched it')
  })

  t.test('keeps what proves a time with the time', async t => {
    const store = await open(t, new TestClock(99))
    const proofOf = async () => (await store.find(KIND, 'a'))?.expireProof
    const [first, second] = [Buffer.from('first'), Buffer.from([0, 255])]
    const record = { ...expiring('a', 200), expireProof: first }
    await store.insert(record)
    t.same(Buffer.from((await proofOf())!), first)
    t.same(Buffer.from((await store.page(KIND, ALL, undefined, 9)).records[0]!.expireProof!), first)
    await store.renew(KIND, 'a', { expireTime: 300, expireProof: second })
    await store.replace({ ...record, revision: 2 }, 1)
    t.match(await store.find(KIND, 'a'), { revision: 2, expireTime: 300 })
    t.same(Buffer.from((await proofOf())!), second, 'another body changes neither')
    await store.renew(KIND, 'a', { expireTime: 400 })
    t.equal(await proofOf(), undefined)
  })

  t.test('frees its slug and its id', async t => {
    const clock = new TestClock(99)
    const store = await open(t, clock)
    await store.insert(expiring('old', 100))
    await store.insert(expiring('same', 100))
    await t.rejects(store.insert(newRecord('new', { slug: 'slug-old' })), { code: 'already_exists', existingId: 'old' })
    clock.time = 100
    await store.insert(newRecord('new', { slug: 'slug-old' }))
    await store.insert(newRecord('same', { slug: 'another', body: Buffer.from('second') }))
    t.equal((await store.findBySlug(KIND, '', 'slug-old'))?.id, 'new')
    t.equal((await store.find(KIND, 'same'))?.slug, 'another')
    t.same((await store.sweep(9)).removed.map(({ id }) => id), ['old'], 'who gave a slug away is swept like any other')
    t.equal((await store.findBySlug(KIND, '', 'slug-old'))?.id, 'new', 'and takes no slug with it')
    t.equal(await store.findBySlug(KIND, '', 'slug-same'), undefined)
    clock.time = 99
    t.same((await store.page(KIND, {}, undefined, 9)).records.map(({ id }) => id), ['same', 'new'])
  })

  t.test('makes no page shorter than it may be', async t => {
    const clock = new TestClock(99)
    const store = await open(t, clock)
    for (const index of Array(20).keys()) await store.insert(expiring(`a${100 + index}`, index % 3 === 0 ? 1000 : 100))
    clock.time = 100
    for (const filter of [{}, ALL]) {
      const first = await store.page(KIND, filter, undefined, 4)
      t.same(first.records.map(({ id }) => id), ['a118', 'a115', 'a112', 'a109'])
      const second = await store.page(KIND, filter, first.cursor, 4)
      t.same(second.records.map(({ id }) => id), ['a106', 'a103', 'a100'])
      t.equal(second.cursor, undefined)
    }
  })

  t.test('is moved by renew, either way, and the rest stays', async t => {
    const clock = new TestClock(0)
    const store = await open(t, clock)
    for (const record of [expiring('a', 100), newRecord('never')]) {
      await store.insert(record)
      for (const expireTime of [500, 50, 200]) {
        t.equal(await store.renew(KIND, record.id, { expireTime }), true)
        t.same(plain(await store.find(KIND, record.id)), plain({ ...record, expireTime }))
      }
    }
    clock.time = 199
    t.same((await store.sweep(9)).removed, [], 'no former time counts')
    t.ok(await store.find(KIND, 'a'))
    await store.replace({ ...expiring('a', 900), body: Buffer.from('new'), revision: 2 }, 1)
    await store.replace(newRecord('never', { revision: 2 }), 1)
    for (const id of ['a', 'never']) t.equal((await store.find(KIND, id))?.expireTime, 200, 'and stays where renew left it')
    clock.time = 200
    t.same((await store.sweep(9)).removed.map(({ id, revision }) => `${id} ${revision}`).toSorted(), ['a 2', 'never 2'])
    t.same((await store.sweep(9)).removed, [])
  })

  t.test('is swept soonest first, of every kind, up to the limit', async t => {
    const clock = new TestClock(0)
    const store = await open(t, clock)
    const times = { late: 1000, soon: 9, sooner: 1, between: 10, never: 5000, same: 10 }
    for (const [id, expireTime] of Object.entries(times)) await store.insert(newRecord(id, { expireTime, kind: id === 'soon' ? 'session' : KIND }))
    clock.time = 1000
    const swept = async (limit: number) => (await store.sweep(limit)).removed.map(({ id }) => id)
    t.same(await swept(2), ['sooner', 'soon'])
    t.same(await swept(9), ['between', 'same', 'late'])
    t.same(await swept(9), [])
    clock.time = 0
    t.same((await store.page(KIND, {}, undefined, 9)).records.map(({ id }) => id), ['never'])
    t.equal(await store.findBySlug(KIND, '', 'slug-late'), undefined)
    await store.insert(newRecord('late'))
  })

  t.test('is swept once, however many sweep, and never what was renewed in time', async t => {
    const clock = new TestClock(0)
    const store = await open(t, clock)
    const ids = Array.from({ length: 60 }, (_, index) => `a${index}`)
    for (const id of ids) await store.insert(expiring(id, 100))
    clock.time = 99
    const renewed = ids.filter((_, index) => index % 2 === 0)
    const renewing = renewed.map(id => store.renew(KIND, id, { expireTime: 200 }))
    await Promise.all(renewing)
    clock.time = 100
    const sweeps = await Promise.all(Array.from({ length: 10 }, () => store.sweep(60)))
    const swept = sweeps.flatMap(({ removed }) => removed.map(({ id }) => id))
    t.same(swept.toSorted(), ids.filter((_, index) => index % 2 === 1).toSorted())
    const { fulfilled } = await outcomes(renewed.map(id => store.remove(KIND, id)))
    t.equal(fulfilled, 30)
  })
}
