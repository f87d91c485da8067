import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Level } from 'level'
import t, { type Test } from 'tap'
import { LevelStore } from '../../../../src/engines/embedded/level/level-store.js'
import { TestClock } from '../../../support/clock.js'
import { newDataDir } from '../../../support/data-dir.js'
import { contextBody, PATH, post, startGateway } from '../../../support/gateway.js'
import { KIND, newRecord } from '../../../support/records.js'

const MINUTE = 60_000
const CANARY = 'canary-in-clear'

/** The files of a database that hold the canary. */
const holding = (directory: string) => readdirSync(directory).filter(name => readFileSync(join(directory, name)).includes(CANARY))
const withCanary = (id: string) => newRecord(id, { body: Buffer.from(`what ${CANARY} says`) })
const isTable = (name: string) => /\.(ldb|log)$/.test(name)

/** A store on a clock, and the counts of what is compacted there. */
async function newStore (t: Test, directory = newDataDir(t), clock = new TestClock()) {
  const store = await LevelStore.open(directory, clock)
  t.teardown(() => store.close())
  return { directory, clock, store, sweep: () => store.sweep(100), held: () => holding(directory).filter(isTable) }
}

/** Counts the calls of `compactRange` while `work` is done. */
async function compactions (work: () => Promise<unknown>): Promise<number> {
  const prototype = Level.prototype as unknown as { compactRange (...args: string[]): Promise<void> }
  const { compactRange } = prototype
  let count = 0
  prototype.compactRange = function (...args) {
    count++
    return compactRange.apply(this, args)
  }
  await work().finally(() => { prototype.compactRange = compactRange })
  return count
}

/** Has all that is due done. */
async function sweepOften ({ sweep }: { sweep (): Promise<unknown> }) {
  for (let times = 0; times < 5; times++) await sweep()
}

t.test('one record that is deleted leaves every file within an hour, though nothing else happens', async t => {
  for (const others of [0, 500]) {
    const gateway = await newStore(t)
    const { clock, store, held } = gateway
    for (let n = 0; n < others; n++) await store.insert(newRecord(`a${n}`))
    await sweepOften(gateway)
    await store.insert(withCanary('b'))
    await store.remove(KIND, 'b')
    t.not(held().length, 0)
    clock.time += 59 * MINUTE
    await sweepOften(gateway)
    t.same(held(), [], `among ${others} others`)
    for (let n = 0; n < others; n += 50) t.ok(await store.find(KIND, `a${n}`))
  }
})

t.test('so does one that was merged into tables before it is deleted, or replaced, or expires', async t => {
  const gateway = await newStore(t)
  const { clock, store, held } = gateway
  for (const id of ['deleted', 'replaced']) await store.insert(withCanary(id))
  await store.insert({ ...withCanary('expired'), expireTime: clock.time + 60 * MINUTE })
  await sweepOften(gateway)
  clock.time += 59 * MINUTE
  await sweepOften(gateway)
  t.not(held().length, 0, 'it is there still')
  clock.time += MINUTE
  await sweepOften(gateway)
  await store.remove(KIND, 'deleted')
  await store.replace(newRecord('replaced', { revision: 2 }), 1)
  clock.time += 59 * MINUTE
  await sweepOften(gateway)
  t.same(held(), [])
  t.equal((await store.find(KIND, 'replaced'))?.revision, 2)
})

t.test('a purge is made once for many, and none where nothing was removed', async t => {
  const gateway = await newStore(t)
  const { clock, store } = gateway
  await sweepOften(gateway)
  clock.time += 59 * MINUTE
  await sweepOften(gateway)
  clock.time += 24 * 60 * MINUTE
  t.equal(await compactions(() => sweepOften(gateway)), 0)
  for (let n = 0; n < 20; n++) {
    await store.insert(withCanary(`a${n}`))
    await store.remove(KIND, `a${n}`)
  }
  clock.time += 49 * MINUTE
  t.equal(await compactions(() => sweepOften(gateway)), 0, 'not yet')
  clock.time += MINUTE
  t.equal(await compactions(() => sweepOften(gateway)), 3, 'of what is in memory, and of two parts')
  clock.time += 24 * 60 * MINUTE
  t.equal(await compactions(() => sweepOften(gateway)), 0)
})

t.test('a restart forgets nothing', async t => {
  const before = await newStore(t)
  const { directory, clock } = before
  clock.time += 59 * MINUTE
  await sweepOften(before)
  await before.store.insert(withCanary('a'))
  await before.store.remove(KIND, 'a')
  clock.time += 49 * MINUTE
  await before.store.close()
  const again = await newStore(t, directory, clock)
  await sweepOften(again)
  clock.time += MINUTE
  t.not(again.held().length, 0)
  await sweepOften(again)
  t.same(again.held(), [])
})

t.test('a context that is deleted over HTTP leaves nothing in clear in tables and logs', async t => {
  const directory = newDataDir(t)
  const clock = new TestClock(Date.now())
  const store = await LevelStore.open(directory, clock)
  const { app } = await startGateway(t, store, {}, undefined, clock)
  const body = contextBody({
    metadata: { name: `My ${CANARY}`, labels: { team: CANARY } },
    spec: { execution_id: CANARY, data: { REGION: { value: CANARY } } }
  })
  const created = await post(app, body)
  t.equal(created.statusCode, 201)
  await app.inject({ method: 'DELETE', url: `${PATH}/${created.json().metadata.id}` })
  t.not(holding(directory).length, 0)
  // The feed tells of it for as long as it keeps events.
  await store.feed.trim({ ms: 0, most: 0 })
  // Its events are in the audit files before.
  await app.inject('/v1/audit-events')
  clock.time += 59 * MINUTE
  for (let times = 0; times < 5; times++) await store.sweep(100)
  t.same(holding(directory).filter(isTable), [])
})
