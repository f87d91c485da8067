import fc from 'fast-check'
import t from 'tap'
import { Hub } from '../../src/events/hub.js'
import type { Subscription, ToldEvent, Wanted } from '../../src/events/subscription.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { resourceEvent, type ResourceEventType } from '../../src/resource/resource-event.js'
import { SYSTEM } from '../../src/auth/caller.js'
import { KIND, newRecord } from '../support/records.js'

function newHub (t: { teardown (done: () => void): void }) {
  const { feed } = new MemoryStore()
  const hub = new Hub(feed)
  t.teardown(() => hub.close())
  /** Commits an event, which has a number of its own. */
  const tell = (type: ResourceEventType, id: string, run = 'run') => {
    feed.add([resourceEvent(type, newRecord(id, { indexed: { execution_id: [run] } }), { caller: SYSTEM })])
  }
  return { feed, hub, tell }
}

const told = (events: readonly ToldEvent[]) => events.map(({ event }) => event && `${event.type} ${event.id}`)

t.test('who follows is told what comes, and of one resource until its end', async t => {
  const { hub, tell } = newHub(t)
  tell('created', 'before')
  const all = await hub.follow({})
  const one = await hub.follow({ id: 'a' })
  const waiting = [all.next(), one.next()]
  tell('created', 'a')
  tell('created', 'b')
  const [first, own] = await Promise.all(waiting)
  t.same([told(first!), told(own!)], [['created a', 'created b'], ['created a']])
  tell('rotated', 'a')
  tell('deleted', 'a')
  tell('created', 'a')
  t.same(told(await one.next()), ['rotated a', 'deleted a'])
  t.ok(one.isOver)
  t.same(await one.next(), [])
  t.same(told(await all.next()), ['rotated a', 'deleted a', 'created a'])
})

t.test('only what is wanted is told', async t => {
  const { hub, tell } = newHub(t)
  const start = await hub.follow({})
  tell('created', 'a', 'x')
  tell('created', 'b', 'y')
  tell('expired', 'a', 'x')
  const asked: Array<[Wanted, string[]]> = [
    [{ executionId: 'x' }, ['created a', 'expired a']],
    [{ types: ['expired', 'deleted'] }, ['expired a']],
    [{ kind: KIND, id: 'b' }, ['created b']],
    [{ kind: 'note' }, []],
    [{ executionId: 'y', types: ['expired'] }, []]
  ]
  for (const [wanted, expected] of asked) t.same(told(await (await hub.follow(wanted, start.position)).now()), expected)
})

t.test('what there is by now is told at once, and nothing where there is nothing', async t => {
  const { hub, tell } = newHub(t)
  const subscription = await hub.follow({})
  t.same(await subscription.now(), [])
  const again = await hub.follow({}, subscription.position)
  tell('created', 'a')
  t.same(told(await again.now()), ['created a'])
})

t.test('what the store has lost is told to everybody', async t => {
  const { feed, hub, tell } = newHub(t)
  const { position } = await hub.follow({})
  tell('created', 'a')
  tell('created', 'b')
  const { changes } = feed
  const isLost = (id: string | undefined) => id === 'a'
  feed.changes = async (after, limit) => (await changes.call(feed, after, limit))
    .map(change => isLost(change.event?.id) ? { ...change, event: undefined } : change)
  t.same(told(await (await hub.follow({ id: 'b' }, position)).now()), [undefined, 'created b'])
})

t.test('a position of which the followers are gone ends what is followed from there, and nothing else', async t => {
  const { feed, hub, tell } = newHub(t)
  const { position } = await hub.follow({})
  const late = await hub.follow({}, position)
  tell('created', 'a')
  await feed.trim({ ms: 1_000_000, most: 0 })
  const current = await hub.follow({})
  const waiting = current.next()
  await t.rejects(late.next(), { code: 'out_of_range' })
  await t.rejects(hub.follow({}, position), { code: 'out_of_range' })
  await t.rejects(hub.follow({}, 'x'), { code: 'invalid_argument' })
  tell('created', 'b')
  t.same(told(await waiting), ['created b'])
})

t.test('a feed that cannot be read is read again: who is at its end waits, who is behind comes again', async t => {
  const { feed, hub, tell } = newHub(t)
  const current = await hub.follow({})
  t.same(await (await hub.follow({})).now(), [])
  const waiting = current.next()
  const { changes } = feed
  feed.changes = async () => { throw new Error('no') }
  tell('created', 'a')
  await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
  feed.changes = changes
  tell('created', 'b')
  t.same(told(await waiting), ['created a', 'created b'])
})

t.test('closed, it ends all that is followed', async t => {
  const { hub } = newHub(t)
  const [waiting, later] = [(await hub.follow({})).next(), await hub.follow({ id: 'a' })]
  hub.close()
  t.same([await waiting, await later.next()], [[], []])
})

/** Reads until the subscription is over, sometimes leaving it for another behind where it was. */
async function read (hub: Hub, wanted: Wanted, first: Subscription, pauses: readonly number[]) {
  const events: ToldEvent[] = []
  let subscription = first
  for (let turn = 0; !subscription.isOver; turn++) {
    const pause = pauses[turn % pauses.length]!
    if (pause > 3) subscription = await hub.follow(wanted, events.at(-1)?.position ?? first.position)
    const some = await subscription.next()
    events.push(...some)
    if (pause > 0) await new Promise(resolve => setTimeout(resolve, pause % 4))
  }
  return events
}

t.test('however fast they read and however often they come again, all get exactly their own, in order', async t => {
  const scenario = fc.record({
    ids: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 700 }),
    readers: fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd', undefined), pauses: fc.array(fc.nat(5), { minLength: 1, maxLength: 5 }) }), {
      minLength: 1, maxLength: 12
    }),
    burst: fc.integer({ min: 1, max: 300 })
  })
  await fc.assert(fc.asyncProperty(scenario, async ({ ids, readers, burst }) => {
    const { feed, hub, tell } = newHub({ teardown () {} })
    const begin = await feed.last()
    const reading = await Promise.all(readers.map(async ({ id, pauses }) =>
      ({ id, events: read(hub, { id }, await hub.follow({ id }, begin), pauses) })))
    const expected: Array<[string | undefined, string]> = []
    for (const [index, id] of ids.entries()) {
      tell('rotated', id)
      expected.push([id, (await feed.last())])
      if (index % burst === 0) await new Promise(resolve => setImmediate(resolve))
    }
    for (const id of ['a', 'b', 'c', 'd']) {
      tell('deleted', id)
      expected.push([id, await feed.last()])
    }
    for (const { id, events } of reading) {
      if (id === undefined) continue
      const wanted = expected.filter(([of]) => of === id).map(([, position]) => position)
      const got = (await events).map(({ position }) => position)
      if (JSON.stringify(got) !== JSON.stringify(wanted)) throw new Error(`${id}: ${got.length} of ${wanted.length}`)
    }
    hub.close()
    for (const { id, events } of reading.filter(({ id }) => id === undefined)) {
      const got = (await events).map(({ position }) => position)
      if (JSON.stringify(got) !== JSON.stringify(expected.slice(0, got.length).map(([, position]) => position))) throw new Error(String(id))
    }
  }), { numRuns: 60 })
})
