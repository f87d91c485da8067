import { createSecretKey } from 'node:crypto'
import pg, { type QueryConfig } from 'pg'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/clock.js'
import { loadConfig } from '../../../src/config/config.js'
import type { Engine } from '../../../src/engines/engine.js'
import { Link } from '../../../src/engines/postgres/link.js'
import { openPostgres } from '../../../src/engines/postgres/postgres.js'
import { verifyChains } from '../../../src/engines/postgres/verify.js'
import { PostgresRing } from '../../../src/engines/postgres/postgres-ring.js'
import { Primary } from '../../../src/engines/postgres/primary.js'
import { GatewayError } from '../../../src/errors.js'
import { KeyRing } from '../../../src/secrets/ring.js'
import { newEvent } from '../../audit/support.js'
import { newDataDir } from '../../support/data-dir.js'
import { KIND, newRecord } from '../../support/records.js'
import { withSchema } from '../../support/postgres.js'
import { postgresEngines } from './support.js'

const { url, open, schemaOf, crash } = await postgresEngines(t)

/** A statement in the schema of `directory`, as an operator would run it. */
async function operate (directory: string, text: string) {
  const client = new pg.Client({ connectionString: url, options: `-c search_path=${schemaOf(directory)}` })
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

/** Writes with 32 writers until `trouble` is over: each change must come to what its caller expects, and to nothing else. */
async function writeThrough (t: Test, { store }: Engine, trouble: () => Promise<void>) {
  const kept = new Set<string>()
  const over = { isOver: false }
  const writing = Promise.all(Array.from({ length: 32 }, async (_, writer) => {
    for (let turn = 0; !over.isOver; turn++) {
      const id = `${writer}-${turn}`
      await store.insert(newRecord(id), { audit: [newEvent(id)], events: [{ kind: KIND, id, data: '' }] })
      kept.add(id)
      if (turn % 3 !== 0) continue
      const removed = await store.remove(KIND, id)
      if (removed === undefined) t.fail(`${id} was removed by nobody else`)
      kept.delete(id)
    }
  }))
  await trouble()
  over.isOver = true
  await writing
  return kept
}

async function assertKept (t: Test, { store, audit }: Engine, kept: ReadonlySet<string>, total: number) {
  const there: string[] = []
  for (let cursor: string | undefined; ;) {
    const page = await store.page(KIND, {}, cursor, 500)
    there.push(...page.records.map(({ id }) => id))
    if (page.cursor === undefined) break
    cursor = page.cursor
  }
  t.same(there.toSorted(), [...kept].toSorted(), 'all that was acknowledged is there, and nothing else')
  const { events } = await audit.query({ pageSize: 100_000 })
  t.equal(events.length, total)
  t.equal(new Set(events.map(event => event.context_id)).size, total, 'each is told once')
}

t.test('connections that are cut while changes are made: each is made once, and its caller is told what really happened', async t => {
  const directory = newDataDir(t)
  const engine = await open(directory, systemClock)
  t.teardown(() => engine.close())
  const kept = await writeThrough(t, engine, async () => {
    for (let cut = 0; cut < 15; cut++) {
      await new Promise(resolve => setTimeout(resolve, 60))
      await operate(directory, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ectx'")
    }
  })
  const [row] = await operate(directory, 'SELECT count(*)::int AS made FROM change')
  await assertKept(t, engine, kept, row.made)
})

t.test('a server that crashes and starts again loses nothing, and nobody need notice', async t => {
  const directory = newDataDir(t)
  const engine = await open(directory, systemClock)
  t.teardown(() => engine.close())
  const kept = await writeThrough(t, engine, async () => {
    for (let round = 0; round < 3; round++) {
      await new Promise(resolve => setTimeout(resolve, 200))
      await crash()
    }
    await engine.store.ready()
  })
  const [row] = await operate(directory, 'SELECT count(*)::int AS made FROM change')
  await assertKept(t, engine, kept, row.made)
})

t.test('what was sealed with a key that is destroyed by now is not stored', async t => {
  const directory = newDataDir(t)
  const engine = await open(directory, systemClock)
  t.teardown(() => engine.close())
  const ring = await KeyRing.open({ store: engine.keys })
  const { id } = await ring.current()
  await engine.store.insert(newRecord('before', { sealedBy: id }))
  await engine.store.remove(KIND, 'before')
  await ring.rotate()
  await ring.prune(key => key.id === id)
  await t.rejects(engine.store.insert(newRecord('after', { sealedBy: id })), { code: 'unavailable', message: /destroyed/ })
  t.equal(await engine.store.find(KIND, 'after'), undefined)
})

t.test('what was refused in a batch misplaces no audit event of the others', async t => {
  const directory = newDataDir(t)
  const { store, audit, close } = await open(directory, systemClock)
  t.teardown(close)
  await store.insert(newRecord('taken'))
  const inserting = ['taken', 'b', 'taken', 'd'].map(id => store.insert(newRecord(id, { slug: `of ${id}` }), { audit: [newEvent(id)] }))
  t.same((await Promise.allSettled(inserting)).map(({ status }) => status), ['rejected', 'fulfilled', 'rejected', 'fulfilled'])
  for (const id of ['b', 'd']) {
    const { events } = await audit.query({ contextId: id, executionId: `run of ${id}`, pageSize: 9 })
    t.same(events.map(event => event.context_id), [id])
  }
  t.same((await verifyChains(`${url}?schema=${schemaOf(directory)}`)).problems, [])
})

t.test('what the database cannot keep spoils nothing that is written beside it', async t => {
  const { store, close } = await open(newDataDir(t), systemClock)
  t.teardown(close)
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map(id => store.insert(newRecord(id, id === 'b' ? { slug: 'b\0' } : {}))))
  t.same(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled'])
  t.ok(await store.find(KIND, 'a') && await store.find(KIND, 'c'))
  t.equal(await store.find(KIND, 'b'), undefined)
})

t.test('a gateway whose name somebody removed goes on, and its chain too', async t => {
  const directory = newDataDir(t)
  const { store, audit, close } = await open(directory, systemClock)
  t.teardown(close)
  await audit.record(newEvent('a'))
  await operate(directory, 'TRUNCATE gateway')
  await store.insert(newRecord('b'), { audit: [newEvent('b')] })
  t.same((await audit.query({ pageSize: 9 })).events.map(({ sequence }) => sequence), [1, 2])
  t.same((await verifyChains(`${url}?schema=${schemaOf(directory)}`)).problems, [])
})

t.test('commits are durable, whatever the role is set to', async t => {
  await operate(newDataDir(t), 'ALTER ROLE ectx SET synchronous_commit = off')
  t.teardown(() => operate(newDataDir(t), 'ALTER ROLE ectx RESET synchronous_commit'))
  const { store, close } = await open(newDataDir(t), systemClock)
  t.teardown(close)
  const flushed = async (): Promise<string> => (await operate(newDataDir(t), 'SELECT pg_current_wal_flush_lsn()::text AS lsn'))[0].lsn
  for (let turn = 0; turn < 20; turn++) {
    const before = await flushed()
    await store.insert(newRecord(String(turn)))
    t.not(await flushed(), before, 'more is on the disk')
  }
})

t.test('two gateways sweep at once, and each record goes once', async t => {
  const directory = newDataDir(t)
  const engines = await Promise.all(['a', 'b'].map(name => open(directory, systemClock, name)))
  t.teardown(() => Promise.all(engines.map(engine => engine.close())))
  for (let index = 0; index < 100; index++) await engines[0]!.store.insert(newRecord(`a${index}`, { expireTime: 1 }))
  const swept = await Promise.all(engines.flatMap(({ store }) => [store.sweep(80), store.sweep(80)]))
  const rest = await engines[0]!.store.sweep(100)
  const ids = [...swept, rest].flatMap(({ removed }) => removed.map(({ id }) => id))
  t.equal(ids.length, 100)
  t.equal(new Set(ids).size, 100)
})

t.test('what is wrong with the place is said, with what to do, and without its password', async t => {
  const env = withSchema(t, url)
  const opening = (changes: object) => openPostgres(loadConfig({ ...env, ...changes }), systemClock, () => {})
  const refused = async (changes: object, message: RegExp) => {
    const error = await opening(changes).then(() => undefined, thrown => thrown)
    t.match(error?.message, message)
    t.notMatch(String(error?.message), /s3cr3t/)
  }
  await refused({ ECTX_ROOT_KEY_FILE: '' }, /ECTX_ROOT_KEY_FILE must be set too/)
  await refused({ ECTX_STORE: 'postgres://ectx:s3cr3t@127.0.0.1:1/postgres' }, /cannot be reached/)
  await refused({ ECTX_STORE: url.replace(/postgres$/, 'nobody') }, /no such database/)
  await refused({ ECTX_STORE: 'postgres://ectx:s3cr3t@nowhere.invalid/postgres' }, /no address|has an address/)
  await refused({ ECTX_STORE: 'postgres://ectx:s3cr3t@:x/postgres' }, /ECTX_STORE has a host/)
  for (const schema of ['No%20Schema', 'pg_x', 'information_schema']) await refused({ ECTX_STORE: `${url}?schema=${schema}` }, /schema that is none/)
  await refused({ ECTX_STORE: `${url}?sslmod=verify-full` }, /parameter that is not known: those are schema, sslmode/)
  await refused({ ECTX_STORE: `${url}?sslmode=bogus` }, /an sslmode that is none: they are disable, no-verify/)
  await refused({ ECTX_STORE: 'postgres://ectx:p@s3cr3t,s@127.0.0.1/postgres' }, /special characters of a password as %40/)
})

t.test('a ring that could not be read for a while is used again when it can', async t => {
  const directory = newDataDir(t)
  const engine = await open(directory, systemClock)
  const primary = new Primary({ urls: [url], schema: schemaOf(directory) })
  const link = new Link(primary, { writes: true })
  t.teardown(async () => {
    await link.close()
    primary.close()
    await engine.close()
  })
  let isAway = false
  const run = (query: QueryConfig) => isAway ? Promise.reject(new GatewayError('unavailable', 'away')) : link.run(query)
  const ring = await KeyRing.open({ store: new PostgresRing(link, { run } as Link, createSecretKey(Buffer.alloc(32, 1))) })
  isAway = true
  await ring.refresh()
  t.notOk(ring.usable)
  isAway = false
  await ring.refresh()
  t.ok(ring.usable)
})

t.test('a name is one gateway’s, also after its connections were cut', async t => {
  const directory = newDataDir(t)
  const engine = await open(directory, systemClock, 'mine')
  t.teardown(() => engine.close())
  await operate(directory, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ectx'")
  await engine.store.insert(newRecord('a'))
  await t.rejects(open(directory, systemClock, 'mine'), { code: 'unavailable', message: /another process is the gateway 'mine'/ })
  t.ok(await engine.store.find(KIND, 'a'))
})
