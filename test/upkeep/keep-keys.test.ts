import { mock } from 'node:test'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { RingFile } from '../../src/engines/embedded/keys/ring-file.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { MemoryTrees } from '../../src/engines/memory/memory-trees.js'
import { GatewayError } from '../../src/errors.js'
import { keepKeys, lookAfterKeys } from '../../src/upkeep/keep-keys.js'
import { tellOfRing } from '../../src/upkeep/tell-of-ring.js'
import { createLogger } from '../../src/telemetry/log.js'
import { KeyRing } from '../../src/secrets/ring.js'
import type { StoredRecord } from '../../src/storage/store.js'
import { newDataDir } from '../support/data-dir.js'
import { failingStore } from '../support/failing-store.js'
import { now } from '../support/now.js'
import { newRecord } from '../support/records.js'
import { until } from '../support/until.js'
import { TestClock } from '../support/clock.js'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** The keys of a gateway, on a clock that the test sets. */
async function newKeeping (t: Test) {
  const clock = new TestClock()
  const store = new MemoryStore(clock)
  const directory = newDataDir(t)
  const file = join(directory, 'keyring.json')
  const lines: Array<Record<string, unknown>> = []
  const ring = await KeyRing.open({ store: new RingFile(file), clock })
  const trees = new MemoryTrees()
  const keeping = { ring, trees, store, log: createLogger('info', { write: line => { lines.push(JSON.parse(line)) } }), clock, rotateAfterMs: DAY }
  await tellOfRing(keeping)
  return {
    ...keeping,
    keeping,
    file,
    lines,
    look: (changes = {}) => lookAfterKeys({ ...keeping, ...changes }),
    states: () => ring.list().map(({ state }) => state),
    /** Stores a context that is sealed with the key of now. */
    insert: (id: string, changes: Partial<StoredRecord> = {}) => store.insert(sealed(ring, id, changes)),
    events: async () => {
      await tellOfRing(keeping)
      const events = (await store.outbox.read(0, 99)).map(({ description }) => JSON.parse(`{${description}`))
      return events.map(({ event, key_id: key }) => ({ event, key }))
    }
  }
}

const sealed = (ring: KeyRing, id: string, changes: Partial<StoredRecord> = {}) =>
  newRecord(id, { sealedBy: now(ring.current()).id, ...changes })

t.test('a key is rotated when it is due, and that is recorded', async t => {
  const { look, clock, ring, states, events } = await newKeeping(t)
  clock.time += DAY - 1
  await look()
  t.same(states(), ['active'])
  t.same(await events(), [])
  clock.time += 1
  await Promise.all([look(), look()])
  t.same(states(), ['retired', 'active'])
  t.same(await events(), [{ event: 'rotated_key', key: now(ring.current()).id }])
})

t.test('a key that seals nothing is destroyed, but not at once: a request that began before may still seal with it', async t => {
  const { look, clock, states, events } = await newKeeping(t)
  clock.time += DAY
  await look()
  clock.time += 10 * MINUTE - 1
  await look()
  t.same(states(), ['retired', 'active'])
  clock.time += 1
  await look()
  t.same(states(), ['destroyed', 'active'])
  t.same((await events()).map(({ event }) => event), ['rotated_key', 'destroyed_key'])
})

t.test('of many keys those stay that seal a context, however many others there are', async t => {
  const { look, clock, states, insert, store, ring } = await newKeeping(t)
  await insert('z-last')
  clock.time += DAY
  await look()
  clock.time += DAY
  await look()
  for (let index = 0; index < 250; index++) await insert(`context-${index}`)
  await store.insert(newRecord('plain'))
  clock.time += DAY
  await look()
  t.same(states(), ['retired', 'destroyed', 'retired', 'active'])
  await store.remove('execution_context', 'z-last')
  await look()
  t.same(states(), ['destroyed', 'destroyed', 'retired', 'active'])
  t.doesNotThrow(() => now(ring.key(ring.list()[2]!.id)))
})

t.test('a key stays that seals a record of any kind, and one that has expired', async t => {
  const { look, clock, states, insert, store } = await newKeeping(t)
  await insert('a', { kind: 'note', expireTime: clock.time + 1 })
  clock.time += DAY
  await look()
  clock.time += DAY
  await look()
  clock.time += 10 * MINUTE
  await look()
  t.same(states(), ['retired', 'destroyed', 'active'])
  await store.sweep(1)
  await look()
  t.same(states(), ['destroyed', 'destroyed', 'active'])
})

t.test('a store that fails destroys nothing', async t => {
  const { look, clock, states } = await newKeeping(t)
  const store = failingStore(new GatewayError('unavailable', 'try again'))
  clock.time += DAY
  await look({ store })
  clock.time += DAY
  await t.rejects(look({ store }), { code: 'unavailable' })
  t.same(states(), ['retired', 'retired', 'active'])
})

t.test('a ring that cannot be used is left alone', async t => {
  const { look, clock, file, states, events } = await newKeeping(t)
  const whole = readFileSync(file)
  clock.time += DAY
  for (const spoil of [() => writeFileSync(file, 'x'), () => rmSync(file)]) {
    spoil()
    await t.rejects(look(), { code: 'unavailable', message: /is damaged|is missing/ })
  }
  t.same(await events(), [])
  writeFileSync(file, whole)
  await look()
  t.same(states(), ['retired', 'active'])
})

t.test('keepKeys looks at once and every ten minutes, goes on after a failure, and ends when it is told to', async t => {
  const { keeping, clock, lines, file, states } = await newKeeping(t)
  const whole = readFileSync(file)
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  rmSync(file)
  clock.time += DAY
  const stop = keepKeys(keeping)
  await until(async () => lines.length > 0)
  t.match(lines, [{ level: 'error', msg: 'the key ring could not be kept in order', err: { code: 'unavailable', message: /is missing/ } }])
  writeFileSync(file, whole)
  mock.timers.tick(10 * MINUTE - 1)
  t.same(states(), ['active'])
  mock.timers.tick(1)
  await stop()
  t.same(states(), ['retired', 'active'], 'what had begun is finished')
  clock.time += DAY
  mock.timers.tick(20 * MINUTE)
  t.same(states(), ['retired', 'active'])
  t.equal(lines.length, 1)
})
