import type { Test } from 'tap'
import { KIND, newRecord, outcomes, plain } from '../support/records.js'
import type { Open } from './conformance.js'

const MANY = Array.from({ length: 50 }, (_, index) => index)

/** Of many that want the same, exactly one may have it. */
export function testRaces (t: Test, open: Open): void {
  t.test('of reads with a removal and a renewal: what is read is there as a whole, or not at all', async t => {
    const store = await open(t)
    for (let round = 0; round < 150; round++) {
      const record = newRecord('a', { slug: 'slug', expireTime: Number.MAX_SAFE_INTEGER - round })
      await store.insert(record)
      const state = { isOver: false }
      const changing = store.renew(KIND, 'a', { expireTime: record.expireTime! - 1 }).then(() => store.remove(KIND, 'a')).then(() => { state.isOver = true })
      while (!state.isOver) {
        for (const found of await Promise.all([store.find(KIND, 'a'), store.findBySlug(KIND, '', 'slug')])) {
          if (found !== undefined && !Buffer.from(found.body).equals(record.body)) t.fail('another body')
        }
        await new Promise(resolve => setImmediate(resolve))
      }
      await changing
    }
  })

  t.test('of inserts with one slug: one wins', async t => {
    const store = await open(t)
    const { fulfilled, refusals } = await outcomes(MANY.map(index => store.insert(newRecord(`id-${index}`, { slug: 'same' }))))
    const winner = await store.findBySlug(KIND, '', 'same')
    t.equal(fulfilled, 1)
    t.ok(winner)
    for (const refusal of refusals) t.match(refusal, { code: 'already_exists', existingId: winner!.id })
    t.same((await store.page(KIND, {}, undefined, 99)).records.map(plain), [plain(winner)])
  })

  t.test('of inserts with one id: one wins, and no slug of the others stays', async t => {
    const store = await open(t)
    const { fulfilled, refusals } = await outcomes(MANY.map(index => store.insert(newRecord('same', { slug: `slug-${index}` }))))
    t.equal(fulfilled, 1)
    for (const refusal of refusals) t.match(refusal, { code: 'already_exists', existingId: 'same' })
    const winner = await store.find(KIND, 'same')
    const bySlug = await Promise.all(MANY.map(index => store.findBySlug(KIND, '', `slug-${index}`)))
    t.same(bySlug.filter(record => record !== undefined).map(plain), [plain(winner)])
  })

  t.test('of inserts: who loses finds what it lost to', async t => {
    const store = await open(t)
    for (let round = 0; round < 20; round++) {
      const ids = [`first-${round}`, `second-${round}`]
      const lost = await Promise.all(ids.map(async id => {
        try {
          await store.insert(newRecord(id, { slug: `slug-${round}` }))
        } catch (refusal) {
          const { existingId } = refusal as { existingId: string }
          t.equal((await store.find(KIND, existingId))?.id, ids.find(other => other !== id))
          return id
        }
      }))
      t.equal(lost.filter(id => id !== undefined).length, 1)
    }
  })

  t.test('of removes: one gets the record', async t => {
    const store = await open(t)
    await store.insert(newRecord('a'))
    const removed = await Promise.all(MANY.map(() => store.remove(KIND, 'a')))
    t.same(removed.filter(record => record !== undefined).map(plain), [plain(newRecord('a'))])
  })

  t.test('of replaces over one revision: one wins', async t => {
    const store = await open(t)
    await store.insert(newRecord('a'))
    const { fulfilled, refusals } = await outcomes(MANY.map(index => store.replace(newRecord('a', { slug: `s-${index}`, revision: 2 }), 1)))
    t.equal(fulfilled, 1)
    for (const refusal of refusals) t.match(refusal, { code: 'aborted' })
    const winner = await store.find(KIND, 'a')
    const bySlug = await Promise.all(MANY.map(index => store.findBySlug(KIND, '', `s-${index}`)))
    t.same(bySlug.filter(record => record !== undefined).map(plain), [plain(winner)])
    t.equal(await store.findBySlug(KIND, '', 'slug-a'), undefined)
  })

  t.test('of a replace and a remove of one revision: the other fails', async t => {
    const store = await open(t)
    for (const id of ['a', 'b']) await store.insert(newRecord(id))
    for (const id of ['a', 'b']) {
      const [replaced, removed] = await Promise.allSettled([store.replace(newRecord(id, { revision: 2 }), 1), store.remove(KIND, id, [1])])
      const [done, refused] = replaced.status === 'fulfilled' ? [replaced, removed] : [removed, replaced]
      t.equal(done.status, 'fulfilled')
      t.match(refused, { status: 'rejected', reason: { code: 'aborted' } })
      t.equal((await store.findBySlug(KIND, '', `slug-${id}`))?.revision, replaced.status === 'fulfilled' ? 2 : undefined)
    }
  })

  t.test('of inserts and removes: id and slug come and go together', async t => {
    const store = await open(t)
    let inserted = 0
    let removed = 0
    let halves = 0
    await Promise.all(MANY.map(async () => {
      for (let round = 0; round < 4; round++) {
        await store.insert(newRecord('a')).then(() => { inserted++ }, ({ code }) => t.equal(code, 'already_exists'))
        const [byId, bySlug] = await Promise.all([store.find(KIND, 'a'), store.findBySlug(KIND, '', 'slug-a')])
        for (const record of [byId, bySlug]) if (record !== undefined && record.id !== 'a') halves++
        if (await store.remove(KIND, 'a') !== undefined) removed++
      }
    }))
    t.equal(inserted, removed, 'whoever inserted was removed once')
    t.ok(inserted > 1)
    t.equal(halves, 0)
    t.equal(await store.find(KIND, 'a'), undefined)
    t.equal(await store.findBySlug(KIND, '', 'slug-a'), undefined)
    t.same((await store.page(KIND, {}, undefined, 9)).records, [])
  })

  t.test('of a slug that passes from hand to hand: each sees what came before it', async t => {
    const store = await open(t)
    await store.insert(newRecord('a', { slug: 's' }))
    await store.remove(KIND, 'a')
    await store.insert(newRecord('b', { slug: 's' }))
    await store.replace(newRecord('b', { slug: 'other', revision: 2 }), 1)
    await store.insert(newRecord('c', { slug: 's' }))
    t.equal((await store.findBySlug(KIND, '', 's'))?.id, 'c')
    t.equal((await store.findBySlug(KIND, '', 'other'))?.id, 'b')
    t.equal(await store.find(KIND, 'a'), undefined)
  })
}
