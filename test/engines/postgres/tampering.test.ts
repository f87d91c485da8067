// Somebody may write the database: what is answered then is true, or an error. The same on any store: test/safety/tampering.test.ts.
import pg from 'pg'
import pino from 'pino'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/clock.js'
import { assemble } from '../../../src/compose/compose.js'
import { loadConfig } from '../../../src/config/config.js'
import { openPostgres } from '../../../src/engines/postgres/postgres.js'
import { LIMITS } from '../../../src/server/listener.js'
import { contextBody, PATH, post } from '../../support/gateway.js'
import { startPostgres, withSchema } from '../../support/postgres.js'

const { url } = await startPostgres(t)

/** A gateway with two contexts, and an attacker's SQL. */
async function tampered (t: Test) {
  const env = withSchema(t, url)
  const config = loadConfig(env)
  const start = async (t: Test) => {
    const engine = await openPostgres(config, systemClock, () => {})
    const { http: app, close } = await assemble(engine, { ...config, limits: { ...LIMITS, loopDelay: Infinity } }, pino({ level: 'silent' }))
    t.teardown(close)
    return { app, close }
  }
  const { app, close } = await start(t)
  const make = async (name: string) =>
    (await post(app, contextBody({ metadata: { name, labels: { team: name } } }))).json().metadata.id as string
  const ids = { target: await make('target'), other: await make('other') }
  const client = new pg.Client({ connectionString: url, options: `-c search_path=${new URL(env.ECTX_STORE).searchParams.get('schema')}` })
  await client.connect()
  t.teardown(() => client.end())
  return {
    app,
    close,
    start,
    ids,
    attack: async (text: string) => (await client.query(text.replaceAll('TARGET', `'${ids.target}'`).replaceAll('OTHER', `'${ids.other}'`))).rows
  }
}

const attacks = {
  slug: "UPDATE record SET slug = 'another' WHERE id = TARGET",
  scope: "UPDATE record SET scope = 'acme' WHERE id = TARGET",
  'an indexed value': "UPDATE record SET indexed = '{\"execution_id\":[\"wfx-2\"]}' WHERE id = TARGET",
  'that it is indexed': "UPDATE record SET indexed = '{}' WHERE id = TARGET",
  revision: 'UPDATE record SET revision = 2 WHERE id = TARGET',
  'the key that seals it': `UPDATE record SET sealed_by = 'key-${'0'.repeat(26)}' WHERE id = TARGET`,
  'no key that seals it': 'UPDATE record SET sealed_by = NULL WHERE id = TARGET',
  'its end': 'UPDATE life SET expire_time = expire_time + 1000000000 WHERE id = TARGET',
  'its end, which is sooner': 'UPDATE life SET expire_time = expire_time - 1000 WHERE id = TARGET',
  'that it ends': 'UPDATE life SET expire_time = NULL WHERE id = TARGET',
  'a byte of its body': 'UPDATE record SET body = set_byte(body, 60, get_byte(body, 60) # 1) WHERE id = TARGET',
  "another's body": 'UPDATE record SET body = (SELECT body FROM record WHERE id = OTHER) WHERE id = TARGET'
}
for (const [what, sql] of Object.entries(attacks)) {
  t.test(`a record of which somebody changed ${what} is found out`, async t => {
    const { app, ids, attack } = await tampered(t)
    await attack(sql)
    for (const view of ['full', 'redacted']) {
      const response = await app.inject(`${PATH}/${ids.target}?view=${view}`)
      t.equal(response.statusCode, 500)
      t.notMatch(response.payload, /s3cr3t/)
    }
    t.equal((await app.inject(`${PATH}/${ids.other}`)).json().spec.data.TOKEN.value, 's3cr3t')
  })
}

t.test('an index that was changed adds nothing to a list', async t => {
  const { app, ids, attack } = await tampered(t)
  const listed = async () => {
    const { execution_contexts: contexts } = (await app.inject(`${PATH}?label.team=other`)).json()
    return contexts.map((context: { metadata: { id: string } }) => context.metadata.id)
  }
  t.same(await listed(), [ids.other])
  const forged = await attack(`INSERT INTO attribute SELECT kind, attribute, replace(value, 'target', 'other'), id FROM attribute
    WHERE id = TARGET AND value LIKE '%target%' RETURNING value`)
  t.match(forged, [{ value: /other/ }])
  t.same(await listed(), [ids.other])
})

t.test('a key whose material is exchanged for that of another opens nothing', async t => {
  const { app, close, start, ids, attack } = await tampered(t)
  await attack(`INSERT INTO ring_key (id, position, state, created_at, retired_at, material)
    SELECT 'key-${'0'.repeat(26)}', 0, 'retired', created_at, created_at, material FROM ring_key`)
  await close()
  const again = await start(t)
  t.equal((await again.app.inject(`${PATH}/${ids.target}`)).statusCode, 503)
  t.equal((await again.app.inject('/readyz')).statusCode, 503)
  t.equal((await post(again.app, contextBody())).statusCode, 503)
  t.not(app, again.app)
})
