import { inspect } from 'node:util'
import type { Test } from 'tap'
import type { Supports } from '../../src/engines/engine.js'
import { KeyRing, type KeyRingOptions } from '../../src/secrets/ring.js'
import type { RingStore } from '../../src/secrets/ring-store.js'
import { newDataDir } from '../support/data-dir.js'
import { testPruning } from './conformance-pruning.js'
import { CONTEXT, DAY, open, seal, unavailable } from './support.js'
import { TestClock } from '../support/clock.js'

/** What an engine keeps keys in, under test; what `supports` declares is tested, and no more. */
export interface KeyEngine {
  readonly name: string
  readonly supports: Supports
  open (directory: string): RingStore
}

/** A new ring, on a clock that the test sets; `again` opens it once more, as another process would, where several can share it. */
export type NewRing = (t: Test) => Promise<{ ring: KeyRing, store: RingStore, clock: TestClock, again (): Promise<KeyRing> }>

/** Holds `engine` to every promise of the `RingStore` contract, by the key ring that works on it. */
export function testKeys (t: Test, { name, supports, open: openStore }: KeyEngine): void {
  const newRing: NewRing = async t => {
    const clock = new TestClock()
    const directory = newDataDir(t)
    const store = openStore(directory)
    const openRing = (options: Partial<KeyRingOptions> = {}) => KeyRing.open({ store: openStore(directory), clock, ...options })
    return { clock, store, again: openRing, ring: await openRing({ store }) }
  }

  t.test(`${name}: begins with one active key`, async t => {
    const { ring } = await newRing(t)
    t.equal(ring.usable, true)
    t.equal(ring.problem, undefined)
    t.match(ring.list(), [{ id: /^key-[0-9a-hjkmnp-tv-z]{26}$/, created_at: '2030-01-01T00:00:00.000Z', state: 'active' }])
    t.equal((await ring.current()).id, ring.list()[0]!.id)
    t.equal((await ring.key(ring.list()[0]!.id)).id, ring.list()[0]!.id)
  })

  t.test(`${name}: never has one key in two rings`, async t => {
    const [a, b] = [await newRing(t), await newRing(t)]
    t.not((await a.ring.current()).id, (await b.ring.current()).id)
  })

  t.test(`${name}: is not made where that is not wanted`, async t => {
    const ring = await KeyRing.open({ store: openStore(newDataDir(t)), mayBegin: false })
    t.equal(ring.usable, false)
    t.match(ring.problem, /the key ring .*is missing/)
    t.same(ring.list(), [])
    await t.rejects(async () => ring.current(), unavailable(/key ring/))
    await t.rejects(async () => ring.key('key-lost'), unavailable(/'key-lost'/))
    await t.rejects(ring.rotate(), unavailable(/is missing/))
    await t.rejects(ring.rotateIfOlderThan(0), unavailable(/is missing/))
    await t.rejects(ring.prune(() => true), unavailable(/is missing/))
  })

  t.test(`${name}: reads what there is, and makes nothing`, async t => {
    const store = openStore(newDataDir(t))
    t.equal(await store.read(), undefined)
    t.equal(await store.read(), undefined)
    const ring = await KeyRing.open({ store })
    await ring.rotate()
    t.same((await store.read())?.map(({ id, state }) => ({ id, state })), ring.list().map(({ id, state }) => ({ id, state })))
  })

  t.test(`${name}: refuses by name a key that it never had`, async t => {
    const { ring } = await newRing(t)
    await t.rejects(async () => ring.key('key-lost'), unavailable(/'key-lost' .*not in the key ring/))
  })

  t.test(`${name}: seals with a new key after a rotation, and still reads the old`, async t => {
    const { ring, clock, again } = await newRing(t)
    const before = seal(await ring.current(), CONTEXT, 'before')
    clock.time += DAY
    const key = await ring.rotate()
    t.equal(await ring.current(), key)
    const after = seal(key, CONTEXT, 'after')
    for (const each of supports.sharedKeys ? [ring, await again()] : [ring]) {
      t.equal((await open(each, CONTEXT, before)).toString(), 'before')
      t.equal((await open(each, CONTEXT, after)).toString(), 'after')
      t.match(each.list(), [
        { state: 'retired', created_at: '2030-01-01T00:00:00.000Z', retired_at: '2030-01-02T00:00:00.000Z' },
        { state: 'active', created_at: '2030-01-02T00:00:00.000Z', id: key.id }
      ])
    }
  })

  t.test(`${name}: rotates by age when it is due, once`, async t => {
    const { ring, clock, again } = await newRing(t)
    const other = supports.sharedKeys ? await again() : ring
    t.equal(await ring.rotateIfOlderThan(DAY), undefined)
    clock.time += DAY - 1
    t.equal(await ring.rotateIfOlderThan(DAY), undefined)
    clock.time += 1
    const made = await Promise.all([ring, other].map(each => each.rotateIfOlderThan(DAY)))
    t.equal(made.filter(key => key !== undefined).length, 1)
    t.equal(ring.list().length, 2)
    t.equal((await ring.current()).id, (await other.current()).id)
  })

  t.test(`${name}: rotates a key that was made in the future, by a clock that was wrong`, async t => {
    const { ring, clock } = await newRing(t)
    clock.time -= DAY - 1
    t.equal(await ring.rotateIfOlderThan(DAY), undefined)
    clock.time -= 1
    t.type((await ring.rotateIfOlderThan(DAY))?.id, 'string')
    t.equal(await ring.rotateIfOlderThan(DAY), undefined)
  })

  t.test(`${name}: loses no key to many rotations at once`, async t => {
    const { ring, again } = await newRing(t)
    const other = supports.sharedKeys ? await again() : ring
    const made = await Promise.all(Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? ring : other).rotate()))
    const last = supports.sharedKeys ? await again() : ring
    t.equal(last.list().length, 11)
    for (const key of [ring.list()[0]!, ...made]) t.equal((await last.key(key.id)).id, key.id)
    t.equal(last.list().filter(({ state }) => state === 'active').length, 1)
  })

  t.test(`${name}: gives the keys once, until they change, and writes none that an edit leaves as they are`, async t => {
    const { store, ring } = await newRing(t)
    t.equal(await store.readIfChanged(), undefined)
    await store.change(rows => rows)
    t.equal(await store.readIfChanged(), undefined)
    await t.rejects(store.change(() => { throw new RangeError('no') }), { name: 'RangeError' })
    t.equal(await store.readIfChanged(), undefined)
    await store.change(rows => rows.map(row => ({ ...row, created_at: '2031-01-01T00:00:00.000Z' })))
    t.match(await store.readIfChanged(), [{ state: 'active', created_at: '2031-01-01T00:00:00.000Z' }])
    t.equal((await ring.rotate()).id, (await ring.current()).id, 'and goes on')
  })

  t.test(`${name}: shows key material nowhere`, async t => {
    const { ring, store } = await newRing(t)
    await ring.rotate()
    let materials: string[] = []
    await store.change(rows => {
      materials = rows.flatMap(row => row.state === 'destroyed' ? [] : row.material)
      return rows
    })
    const failure = await Promise.resolve().then(() => ring.key('key-lost')).catch(error => error)
    const shown = [ring, ring.list(), await ring.current(), await ring.key(ring.list()[0]!.id), failure]
    const text = shown.map(each => inspect(each, { depth: 10, showHidden: true }) + JSON.stringify(each)).join('\n')
    t.equal(materials.length, 2)
    for (const material of materials) {
      const bytes = Buffer.from(material, 'base64')
      const forms = [material, bytes.toString('base64url'), bytes.toString('hex'), inspect(bytes).slice(8, 40)]
      t.same(forms.filter(form => text.includes(form)), [])
    }
  })

  t.test(`${name}: pruning`, async t => testPruning(t, supports, newRing))

  if (supports.durable) {
    t.test(`${name}: is taken up after a restart, with the same keys`, async t => {
      const { ring, again } = await newRing(t)
      const sealed = seal(await ring.current(), CONTEXT, 'secret')
      t.equal((await open(await again(), CONTEXT, sealed)).toString(), 'secret')
    })
  }

  if (!supports.sharedKeys) return

  t.test(`${name}: is made once by many at once`, async t => {
    const directory = newDataDir(t)
    const rings = await Promise.all(Array.from({ length: 8 }, () => KeyRing.open({ store: openStore(directory) })))
    t.equal(new Set(await Promise.all(rings.map(async ring => (await ring.current()).id))).size, 1)
  })

  t.test(`${name}: sees a change by another process within a second, also where the clock was set back`, async t => {
    for (const passed of [1_000, -DAY]) {
      const { ring, clock, again } = await newRing(t)
      await ring.current()
      const key = await (await again()).rotate()
      clock.time += passed
      t.equal((await ring.current()).id, key.id)
    }
  })

  t.test(`${name}: sees a change by another process at once where a key is missed, and by refresh`, async t => {
    const { ring, again } = await newRing(t)
    await ring.current()
    const other = await again()
    const sealed = seal(await other.rotate(), CONTEXT, 'secret')
    t.equal((await open(ring, CONTEXT, sealed)).toString(), 'secret')
    const key = await other.rotate()
    await ring.refresh()
    t.equal((await ring.current()).id, key.id)
  })

  t.test(`${name}: takes up one that another process makes later`, async t => {
    const directory = newDataDir(t)
    const late = await KeyRing.open({ store: openStore(directory), mayBegin: false })
    t.equal(late.usable, false)
    const first = await KeyRing.open({ store: openStore(directory) })
    await late.refresh()
    t.equal((await late.current()).id, (await first.current()).id)
  })
}
