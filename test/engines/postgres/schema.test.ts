import pg from 'pg'
import t, { type Test } from 'tap'
import { hashOf, NO_LINE } from '../../../src/audit/event.js'
import { systemClock } from '../../../src/clock.js'
import { newEvent } from '../../audit/support.js'
import { newDataDir } from '../../support/data-dir.js'
import { newRecord } from '../../support/records.js'
import { postgresEngines } from './support.js'

const { url, open, schemaOf } = await postgresEngines(t)

async function operator (t: Test, directory: string) {
  const client = new pg.Client({ connectionString: url, options: `-c search_path=${schemaOf(directory)}` })
  await client.connect()
  t.teardown(() => client.end())
  return async (text: string) => (await client.query(text)).rows
}

t.test('many gateways that start at once make one schema', async t => {
  const directory = newDataDir(t)
  const engines = await Promise.all(Array.from({ length: 8 }, (_, index) => open(directory, systemClock, `g${index}`)))
  t.teardown(() => Promise.all(engines.map(engine => engine.close())))
  await engines[0]!.store.insert(newRecord('a'))
  for (const { store } of engines) t.ok(await store.find('execution_context', 'a'))
})

t.test('a newer schema is used as long as it allows that, and else the start says what to do', async t => {
  const directory = newDataDir(t)
  await (await open(directory, systemClock)).close()
  const operate = await operator(t, directory)
  await operate("INSERT INTO migration (name, run_on) VALUES ('003_later', now())")
  await (await open(directory, systemClock)).close()
  await operate("CREATE OR REPLACE FUNCTION oldest_gateway() RETURNS integer LANGUAGE sql AS 'SELECT 1000'")
  await t.rejects(open(directory, systemClock), { code: 'unavailable', message: /of another version of ectx.*start that one/ })
  await operate('DROP FUNCTION oldest_gateway()')
  await t.rejects(open(directory, systemClock), { code: 'unavailable', message: /of another version of ectx/ })
})

t.test('a first start that was interrupted is no other version', async t => {
  const directory = newDataDir(t)
  const operate = await operator(t, directory)
  const schema = schemaOf(directory)
  await operate(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.migration (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)`)
  const { store, close } = await open(directory, systemClock)
  t.teardown(close)
  await store.insert(newRecord('a'))
})

t.test('each gateway has a chain of its own, and each answers the events of all', async t => {
  const directory = newDataDir(t)
  const engines = await Promise.all(['a', 'b', 'c'].map(name => open(directory, systemClock, name)))
  t.teardown(() => Promise.all(engines.map(engine => engine.close())))
  await Promise.all(engines.flatMap(({ store, audit }, gateway) => Array.from({ length: 20 }, async (_, index) => {
    const id = `${gateway}-${index}`
    await store.insert(newRecord(id), { audit: [newEvent(id)] })
    await audit.record(newEvent(id))
  })))
  for (const { audit } of engines) {
    const events: Array<Record<string, unknown>> = []
    for (let pageToken: string | undefined; ;) {
      const page = await audit.query({ pageSize: 7, pageToken })
      events.push(...page.events)
      if ((pageToken = page.nextPageToken) === undefined) break
    }
    t.equal(events.length, 120)
    t.same(events.map(({ time }) => time), events.map(({ time }) => time).toSorted(), 'in the order of time')
    for (const name of ['a', 'b', 'c']) {
      const chain = events.filter(({ gateway }) => gateway === name).toSorted((a, b) => Number(a.sequence) - Number(b.sequence))
      t.same(chain.map(({ sequence }) => sequence), chain.map((_, index) => index + 1))
      t.same(chain.map(({ previous }) => previous), [NO_LINE, ...chain.map(event => hashOf(JSON.stringify(event)))].slice(0, -1))
    }
  }
})

t.test('old days go with their partitions, and with them the names of which nothing is left', async t => {
  const directory = newDataDir(t)
  const dead = await open(directory, systemClock, 'dead')
  await dead.audit.record(newEvent('a'))
  await dead.close()
  const engine = await open(directory, systemClock, 'living')
  t.teardown(() => engine.close())
  for (const id of ['b', 'c']) await engine.audit.record(newEvent(id))
  const operate = await operator(t, directory)
  const tidyIn = async (days: number) => {
    await operate(`CREATE OR REPLACE FUNCTION today() RETURNS date LANGUAGE sql AS 'SELECT (now() AT TIME ZONE ''UTC'')::date + ${days}'`)
    t.same(await operate('SELECT tidy(3, 3) AS done'), [{ done: true }])
  }
  const told = async () => (await engine.audit.query({ pageSize: 9 })).events.map(event => `${event.context_id} ${event.sequence}`)
  await tidyIn(3)
  t.same(await told(), ['a 1', 'b 1', 'c 2'])
  await tidyIn(4)
  t.same(await told(), [])
  t.same(await operate('SELECT name, first::int, sequence::int FROM gateway'), [{ name: 'living', first: 3, sequence: 2 }])
  await engine.audit.record(newEvent('d'))
  t.same(await told(), ['d 3'], 'and the chain goes on')
  t.equal((await operate("SELECT FROM pg_inherits WHERE inhparent = 'audit'::regclass")).length, 3 + 8, 'today and a week, and the three days before')
})

t.test('a gateway that starts after all others were away for weeks has room for what it is asked for at once', async t => {
  const directory = newDataDir(t)
  await (await open(directory, systemClock)).close()
  const operate = await operator(t, directory)
  const partitions = await operate("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent IN ('audit'::regclass, 'change'::regclass)")
  await operate(`DROP TABLE ${partitions.map(({ name }) => name).join(', ')}`)
  const engines = await Promise.all(['a', 'b', 'c'].map(name => open(directory, systemClock, name)))
  t.teardown(() => Promise.all(engines.map(({ close }) => close())))
  await Promise.all(engines.map(({ store }, index) => store.insert(newRecord(String(index)), { audit: [newEvent('a')] })))
})

t.test('one gateway at a time tidies up', async t => {
  const directory = newDataDir(t)
  await (await open(directory, systemClock)).close()
  const [first, second] = [await operator(t, directory), await operator(t, directory)]
  await first('BEGIN')
  t.same(await first('SELECT tidy(9, 9) AS done'), [{ done: true }])
  t.same(await second('SELECT tidy(9, 9) AS done'), [{ done: false }])
  await first('COMMIT')
})
