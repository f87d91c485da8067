import t from 'tap'
import { MemoryRing } from '../../src/engines/memory/memory-ring.js'
import { GatewayError } from '../../src/errors.js'
import type { KeyRows } from '../../src/secrets/key-row.js'
import { KeyRing } from '../../src/secrets/ring.js'
import { now } from '../support/now.js'
import { CONTEXT, open, seal, unavailable } from './support.js'
import { TestClock } from '../support/clock.js'

/** Keeps keys as a database would: whoever reads them waits, until `answer` is called where that is held back. */
class FarRing extends MemoryRing {
  reads = 0
  held: Array<() => void> | undefined

  // @ts-expect-error: the contract allows a promise, which the memory's own needs not
  override async readIfChanged (): Promise<KeyRows | undefined> {
    this.reads++
    if (this.held !== undefined) await new Promise<void>(resolve => { this.held?.push(resolve) })
    return super.readIfChanged()
  }

  answer () {
    const held = this.held ?? []
    this.held = []
    for (const resolve of held) resolve()
  }
}

async function farRing () {
  const store = new FarRing()
  const clock = new TestClock()
  const ring = await KeyRing.open({ store, clock })
  return { store, clock, ring }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

t.test('keys that are known are there at once, also where reading them takes time', async t => {
  const { ring, store } = await farRing()
  t.equal(now(ring.key(now(ring.current()).id)), now(ring.current()))
  const sealed = seal(now(ring.current()), CONTEXT, 'secret')
  t.equal(now(open(ring, CONTEXT, sealed)).toString(), 'secret')
  t.equal(store.reads, 1)
})

t.test('who finds that the keys must be read again waits, and others go on meanwhile', async t => {
  const { ring, store, clock } = await farRing()
  const before = now(ring.current())
  await store.change(rows => rows.map(row => ({ ...row, id: `key-${'0'.repeat(26)}` })))
  store.held = []
  clock.time += 1_000
  const waiting = ring.current()
  t.ok(waiting instanceof Promise)
  t.equal(now(ring.current()), before)
  store.answer()
  t.equal((await waiting).id, `key-${'0'.repeat(26)}`)
  t.equal(now(ring.current()).id, `key-${'0'.repeat(26)}`)
})

t.test('many that miss a key share one read, which begins after they asked', async t => {
  const { ring, store } = await farRing()
  store.held = []
  const lost = Promise.allSettled(Array.from({ length: 3 }, () => ring.key('key-lost')))
  await turn()
  t.equal(store.reads, 2, 'the first begins one')
  const found = `key-${'1'.repeat(26)}`
  const late = Array.from({ length: 50 }, () => ring.key(found))
  await store.change(rows => rows.map(row => ({ ...row, id: found })))
  store.answer()
  await turn()
  t.equal(store.reads, 3, 'all others share another')
  store.answer()
  for (const key of late) t.equal((await key).id, found)
  for (const key of await lost) t.match(key, { status: 'rejected', reason: unavailable(/'key-lost'/) })
  t.equal(store.reads, 3)
})

t.test('keys that cannot be read refuse sealing, open what is known, and are taken up again', async t => {
  const { ring, store, clock } = await farRing()
  const sealed = seal(now(ring.current()), CONTEXT, 'secret')
  const failing = t.intercept(store, 'readIfChanged', { value: async () => { throw new GatewayError('unavailable', 'no database') } })
  clock.time += 1_000
  await t.rejects(async () => ring.current(), unavailable(/no key can seal now: the key ring is out of order/))
  t.equal(ring.problem, 'no database')
  t.equal(String(await open(ring, CONTEXT, sealed)), 'secret')
  failing.restore()
  clock.time += 1_000
  await store.change(rows => [...rows])
  t.equal(String(await open(ring, CONTEXT, seal(await ring.current(), CONTEXT, 'new'))), 'new')
  t.equal(ring.problem, undefined)
})
