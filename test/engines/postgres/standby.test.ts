import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/clock.js'
import { loadConfig } from '../../../src/config/config.js'
import { openPostgres } from '../../../src/engines/postgres/postgres.js'
import { newDataDir } from '../../support/data-dir.js'
import { Pair } from '../../support/postgres-pair.js'
import { withSchema } from '../../support/postgres.js'
import { KIND, newRecord } from '../../support/records.js'
import { startProxy } from '../../support/tcp-proxy.js'
import { until } from '../../support/until.js'

const pair = await Pair.start(t)

async function openEngine (t: Test, ports = [pair.primary.port, pair.standby.port], given?: Record<string, string>) {
  const env = { ...withSchema(t, `postgres://ectx@${ports.map(port => `127.0.0.1:${port}`).join(',')}/postgres`), ...given }
  const warnings: string[] = []
  const config = loadConfig({ ...env, ECTX_DATA_DIR: newDataDir(t), ECTX_GATEWAY_NAME: `gateway-${randomBytes(4).toString('hex')}` })
  const engine = await openPostgres(config, systemClock, message => { warnings.push(message) })
  t.teardown(() => engine.close())
  const schema = /schema=(\w+)/.exec(env.ECTX_STORE)![1]!
  return { ...engine, env, warnings, schema }
}

/** The sessions whose commit waits for the standby. */
const waiting = async (): Promise<number[]> =>
  (await pair.primary.ask("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")).map(({ pid }) => pid)

for (const [what, end] of [['ended', 'pg_terminate_backend'], ['told not to wait', 'pg_cancel_backend']] as const) {
  t.test(`a commit that waits for a lost standby and is ${what} is acknowledged when the standby has it, and not before`, async t => {
    const { store, schema } = await openEngine(t)
    await store.insert(newRecord('before'))
    await pair.standby.deafen()
    t.teardown(() => pair.standby.thaw())
    let isAcknowledged = false
    const inserting = store.insert(newRecord('a')).then(() => { isAcknowledged = true })
    for (let round = 0; round < 3; round++) {
      await until(async () => (await waiting()).length > 0)
      for (const pid of await waiting()) await pair.primary.ask(`SELECT ${end}(${pid})`)
      await until(async () => (await pair.primary.ask(`SELECT FROM ${schema}.record WHERE id = 'a'`)).length === 1)
    }
    await until(async () => (await waiting()).length > 0)
    t.notOk(isAcknowledged)
    pair.standby.thaw()
    await inserting
    await until(async () => (await pair.standby.ask(`SELECT FROM ${schema}.record WHERE id = 'a'`)).length === 1)
  })
}

t.test('a commit whose connection is cut waits on for its standby, and nobody sees it before', async t => {
  const { store, schema } = await openEngine(t)
  await store.insert(newRecord('before'))
  await pair.standby.deafen()
  t.teardown(() => pair.standby.thaw())
  const inserting = store.insert(newRecord('a'))
  await until(async () => (await waiting()).length > 0)
  const [pid] = await waiting()
  // The session that reads is ended, and with it all connections of the gateway.
  await pair.primary.ask(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ectx' AND pid <> ${pid}`)
  for (let turn = 0; turn < 50; turn++) t.ok(await store.find(KIND, 'before'), 'others read on')
  t.same(await waiting(), [pid], 'it is left alone')
  t.same(await pair.primary.ask(`SELECT FROM ${schema}.record WHERE id = 'a'`), [])
  pair.standby.thaw()
  await inserting
  t.ok(await store.find(KIND, 'a'))
})

t.test('an old primary that comes back is not taken again, and a promotion is told', async t => {
  const { store, warnings } = await openEngine(t)
  await store.insert(newRecord('before'))
  await pair.promote()
  await store.insert(newRecord('after'))
  t.match(warnings.join('\n'), /the primary of the database is 127\.0\.0\.1:\d+ now, on timeline 0000000\d/)
  // The old one is a primary to itself, and all that is left.
  await pair.primary.destroy()
  const finding = store.find(KIND, 'after')
  await pair.primary.start()
  t.ok(await finding)
})

t.test('a gateway that is cut off together with an old primary reads nothing there, and goes on when it reaches the new one', async t => {
  await pair.attach()
  const way = await startProxy(t, pair.standby.port)
  const inside = await openEngine(t, [pair.primary.port, way.port])
  const outside = await openEngine(t, undefined, { ECTX_ROOT_KEY_FILE: inside.env.ECTX_ROOT_KEY_FILE })
  await inside.store.insert(newRecord('a'))
  way.set('silent')
  await pair.promote()
  await until(() => inside.warnings.some(warning => warning.includes('may be an old one')))
  let isAnswered = false
  const finding = inside.store.find(KIND, 'a').then(record => {
    isAnswered = true
    return record
  })
  await outside.store.insert(newRecord('b'))
  await pair.primary.ask(`DELETE FROM ${inside.schema}.life WHERE id = 'a'`)
  t.notOk(isAnswered)
  way.set('open')
  t.equal(await finding, undefined)
})

t.test('where every host is a standby, that is said at once', async t => {
  await pair.attach()
  const env = withSchema(t, `postgres://ectx@127.0.0.1:${pair.standby.port},127.0.0.1:1/postgres`)
  const opening = openPostgres(loadConfig({ ...env, ECTX_DATA_DIR: newDataDir(t) }), systemClock, () => {})
  await t.rejects(opening, { code: 'unavailable', message: /no host of ECTX_STORE is the primary/ })
})
