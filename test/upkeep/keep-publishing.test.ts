import t, { type Test } from 'tap'
import { systemClock, type Clock } from '../../src/clock.js'
import { LocalDeliveries } from '../../src/engines/local-deliveries.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { GatewayError } from '../../src/errors.js'
import type { Outgoing, Publisher } from '../../src/events/publisher.js'
import type { Deliveries } from '../../src/storage/deliveries.js'
import { createLogger } from '../../src/telemetry/log.js'
import { Publication } from '../../src/upkeep/keep-publishing.js'
import { TestClock } from '../support/clock.js'
import { KIND, newRecord } from '../support/records.js'
import { until } from '../support/until.js'

const PAUSES = { firstMs: 1, mostMs: 4, refusedMs: 2 }
const later = (details = {}) => new GatewayError('unavailable', 'later', details)
const refused = () => new GatewayError('failed_precondition', 'refused')

/** A store whose records are only told of. */
function newFeed (clock: Clock = systemClock) {
  const store = new MemoryStore(clock)
  let count = 0
  const tell = async (id: string, type = 'created') => {
    const data = JSON.stringify({ type, kind: KIND, id, caller: { name: 'x', kind: 'token' } })
    await store.insert(newRecord(`r${count++}`), { events: [{ kind: KIND, id, data }] })
    return await store.feed.last()
  }
  return { store, feed: store.feed, tell, deliveries: new LocalDeliveries(store.feed, clock) }
}

interface Options {
  readonly publish?: (events: readonly Outgoing[], signal: AbortSignal) => Promise<void>
  readonly most?: number
  readonly deliveries?: Deliveries
  readonly clock?: Clock
}

/** Publishes all of the feed, as `publish` takes it; `taken` fills with what it took. */
async function publication (t: Test, given: ReturnType<typeof newFeed>, options: Options = {}) {
  const { publish = async () => {}, most = 1, deliveries = given.deliveries, clock = systemClock } = options
  const taken: Outgoing[] = []
  const tried: Outgoing[][] = []
  const lines: Array<Record<string, unknown>> = []
  const publisher: Publisher = {
    most,
    async publish (events, signal) {
      tried.push([...events])
      await publish(events, signal)
      taken.push(...events)
    },
    close: async () => {}
  }
  const log = createLogger('trace', { write: line => { lines.push(JSON.parse(line)) } })
  const publication = new Publication({ feed: given.feed, deliveries, publisher, clock, log, pauses: PAUSES })
  t.teardown(() => publication.stop())
  return { publication, taken, tried, lines, ids: () => taken.map(({ about }) => about.slice(KIND.length + 1)) }
}

/** Has a delivery be there, which begins with what is told next. */
const begun = async (given: ReturnType<typeof newFeed>) => { await given.deliveries.take('events', 'nobody', 0) }

t.test('what is told from now on is published, as a CloudEvent, and the position follows', async t => {
  const given = newFeed()
  await given.tell('before')
  await begun(given)
  const { taken, publication: { published } } = await publication(t, given)
  t.equal(published.waiting, 0)
  await given.tell('a')
  const last = await given.tell('a', 'deleted')
  await until(() => taken.length === 2)
  t.same(JSON.parse(taken[0]!.json), {
    specversion: '1.0',
    id: taken[0]!.id,
    source: '/v1/execution-contexts',
    type: 'ai.stigmer.agentic.executioncontext.v1.created',
    subject: 'a',
    time: new Date(taken[0]!.time).toISOString(),
    datacontenttype: 'application/json',
    data: { kind: KIND, id: 'a', caller: { name: 'x', kind: 'token' } }
  })
  t.match(taken[1], { id: last, topic: `${KIND}.deleted` })
  await until(async () => await given.deliveries.take('events', 'another', 1_000) === undefined)
})

t.test('whatever fails, nothing is lost, and what is about one context comes in order', async t => {
  for (const most of [1, 100]) {
    const given = newFeed()
    await begun(given)
    const { taken, ids } = await publication(t, given, {
      most,
      publish: async events => {
        await new Promise(resolve => setImmediate(resolve))
        if (Math.random() < 0.3) throw Math.random() < 0.5 ? later() : refused()
        if (events.length > 3 && Math.random() < 0.3) throw refused()
      }
    })
    for (let turn = 0; turn < 400; turn++) await given.tell(`c${turn % 17}`, String(turn).padStart(5, '0'))
    await until(() => taken.length === 400)
    t.equal(new Set(taken.map(({ id }) => id)).size, 400)
    for (const id of new Set(ids())) {
      const topics = taken.filter(({ about }) => about === `${KIND} ${id}`).map(({ topic }) => topic)
      t.same(topics, topics.toSorted())
    }
  }
})

t.test('what fails for ever holds up nothing but what is about the same', async t => {
  for (const error of [later, refused]) {
    const given = newFeed()
    await begun(given)
    const { taken, ids, publication: { published: before }, lines } = await publication(t, given, {
      most: 10,
      publish: async events => { if (events.some(({ about }) => about.endsWith(' bad'))) throw error() }
    })
    t.equal(before.failed, 0)
    for (const id of ['bad', 'a', 'b', 'bad', 'c']) await given.tell(id)
    if (error === later) {
      // Some may have been sent in the company of that, which they stay in.
      await given.tell('d')
      await until(() => ids().includes('d'))
    } else {
      await until(() => taken.length === 3)
      t.same(ids().toSorted(), ['a', 'b', 'c'])
      t.equal(lines.filter(({ msg }) => String(msg).startsWith('an event is refused')).length, 1)
    }
    t.notOk(ids().includes('bad'))
    t.equal(lines.filter(({ msg }) => String(msg).startsWith('events cannot be published')).length, 1)
  }
})

t.test('when it works again that is told, and what was sent again has its id of before', async t => {
  const given = newFeed()
  await begun(given)
  let isDown = true
  const { taken, tried, lines, publication: made } = await publication(t, given, { publish: async () => { if (isDown) throw later() } })
  for (const id of ['a', 'b', 'c', 'a']) await given.tell(id)
  await until(() => made.published.retried > 5)
  isDown = false
  await until(() => taken.length === 4)
  await until(() => lines.some(({ msg }) => msg === 'events can be published again'))
  t.equal(new Set(tried.flat().map(({ id }) => id)).size, 4)
  t.match(made.published, { delivered: 4, waiting: 0, oldest_ms: 0, lost: 0 })
})

t.test('while the receiver wants it, nothing is sent', async t => {
  const given = newFeed()
  await begun(given)
  const clock = new TestClock()
  const publish = async () => { throw later({ retryAfterSeconds: 60 }) }
  const { tried, publication: made } = await publication(t, given, { clock, publish })
  await given.tell('a')
  await until(() => tried.length === 1)
  await given.tell('b')
  await until(() => made.published.waiting === 2)
  t.equal(tried.length, 1)
})

t.test('it goes on where it was when it stopped, and where another was killed', async t => {
  const given = newFeed()
  await begun(given)
  const first = await publication(t, given)
  await given.tell('a')
  await until(() => first.taken.length === 1)
  await first.publication.stop()
  await given.tell('b')
  const second = await publication(t, given)
  await until(() => second.taken.length === 1)
  t.same(second.ids(), ['b'])
})

t.test('of two one publishes, and the other goes on when that stops', async t => {
  const given = newFeed()
  await begun(given)
  const both = [await publication(t, given), await publication(t, given)]
  for (let turn = 0; turn < 50; turn++) await given.tell('a', String(turn))
  await until(() => both.some(({ taken }) => taken.length === 50))
  t.same(both.map(({ taken }) => taken.length).toSorted((a, b) => a - b), [0, 50])
  const [first, second] = both[0]!.taken.length === 50 ? [both[0], both[1]] : [both[1], both[0]]
  await first!.publication.stop()
  await given.tell('b')
  await until(() => second!.taken.length > 0)
  t.same(second!.ids(), ['b'])
})

t.test('who lost it to another cuts off what is on the way', async t => {
  const given = newFeed()
  await begun(given)
  let isTaken = false
  const deliveries: Deliveries = {
    take: async (...args) => isTaken ? undefined : await given.deliveries.take(...args),
    move: async (...args) => !isTaken && await given.deliveries.move(...args)
  }
  let cut = 0
  const { taken, tried } = await publication(t, given, {
    deliveries,
    publish: (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => {
      cut++
      reject(later())
    }))
  })
  await given.tell('a')
  await until(() => tried.length === 1)
  isTaken = true
  await until(() => cut === 1)
  t.same(taken, [])
})

t.test('what is no longer kept is told of as lost, and the rest is published', async t => {
  const given = newFeed()
  await begun(given)
  for (const id of ['a', 'b', 'c']) await given.tell(id)
  await given.feed.trim({ ms: 3_600_000, most: 1 })
  const { taken, ids, lines } = await publication(t, given)
  await until(() => taken.length === 1)
  t.same(ids(), ['c'])
  t.equal(lines.filter(({ msg }) => String(msg).includes('for as long as they are kept')).length, 1)

  const none = newFeed()
  await begun(none)
  await none.tell('a')
  await none.feed.trim({ ms: 3_600_000, most: 0 })
  const other = await publication(t, none)
  await until(() => other.lines.length > 0)
  await none.tell('b')
  await until(() => other.taken.length === 1)
  t.same(other.ids(), ['b'])
  t.equal(other.lines.filter(({ msg }) => String(msg).includes('for as long as they are kept')).length, 1)
})

t.test('what is not acknowledged for as long as it is kept is given up', async t => {
  const clock = new TestClock()
  const given = newFeed(clock)
  await begun(given)
  let isDown = true
  const { taken, ids, tried, publication: made } = await publication(t, given, {
    clock: { now: () => clock.now(), monotonic: systemClock.monotonic },
    publish: async () => { if (isDown) throw later() }
  })
  await given.tell('a')
  await given.tell('b')
  await until(() => tried.length > 3)
  clock.time += 3_600_000
  await given.tell('c')
  await given.feed.trim({ ms: 1_000, most: 1_000 })
  await until(() => made.published.lost > 0)
  isDown = false
  await until(() => taken.some(({ about }) => about.endsWith(' c')))
  t.notOk(ids().includes('a'))
})

t.test('of an event that the store has lost that is told', async t => {
  const given = newFeed()
  const changes = async (after = '0') => after < '1' ? [{ position: '1', time: 0, event: undefined }] : []
  const feed = { listen: () => () => {}, last: async () => '0', changes }
  const { taken } = await publication(t, { ...given, feed: feed as never, deliveries: new LocalDeliveries(feed, systemClock) })
  await until(() => taken.length === 1)
  t.same(JSON.parse(taken[0]!.json), {
    specversion: '1.0',
    id: '1',
    source: '/v1/execution-contexts',
    type: 'ai.stigmer.agentic.executioncontext.v1.lost'
  })
})

t.test('what is on the way is not given the signal of another', async t => {
  const given = newFeed()
  await begun(given)
  const signals: AbortSignal[] = []
  const { taken } = await publication(t, given, { publish: async (_, signal) => { signals.push(signal) } })
  for (const id of ['a', 'b', 'c']) await given.tell(id)
  await until(() => taken.length === 3)
  t.equal(new Set(signals).size, 3)
})
