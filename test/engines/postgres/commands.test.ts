import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import t, { type Test } from 'tap'
import { hashOf } from '../../../src/audit/event.js'
import type { Sink } from '../../../src/audit/sink.js'
import { keysCommand } from '../../../src/cli/keys-command.js'
import { systemClock } from '../../../src/clock.js'
import { loadConfig } from '../../../src/config/config.js'
import { openPostgres } from '../../../src/engines/postgres/postgres.js'
import { KeyRing } from '../../../src/secrets/ring.js'
import { newEvent } from '../../audit/support.js'
import { startPostgres, withSchema } from '../../support/postgres.js'

const { url } = await startPostgres(t)

/** The variables of two gateways that have written three and two lines, one of them among its own of before, and an operator's SQL. */
async function usedSchema (t: Test) {
  const env = withSchema(t, url)
  const engines = await Promise.all(['a', 'b'].map(name => openPostgres(loadConfig({ ...env, ECTX_GATEWAY_NAME: name }), systemClock, () => {})))
  t.teardown(() => Promise.all(engines.map(engine => engine.close())))
  for (const id of ['1', '2', '3']) await engines[0]!.audit.record(newEvent(id))
  for (const id of ['4', '5']) await engines[1]!.audit.record(newEvent(id))
  const client = new pg.Client({ connectionString: url, options: `-c search_path=${new URL(env.ECTX_STORE).searchParams.get('schema')}` })
  await client.connect()
  t.teardown(() => client.end())
  return { env, engines, operate: async (sql: string) => (await client.query(sql)).rows }
}

async function verify (env: Record<string, string>) {
  const child = spawn(process.execPath, ['dist/src/cli/audit.js', 'verify'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}

t.test('a sink gets what was committed, and no more, and a head tells where the own chain ends', async t => {
  const lines: string[] = []
  const sink: Sink = { isRequired: true, admit () {}, send: async (_, more) => { lines.push(...more) }, close: async () => {} }
  const engine = await openPostgres(loadConfig({ ...withSchema(t, url), ECTX_GATEWAY_NAME: 'a' }), systemClock, () => {}, sink)
  t.teardown(() => engine.close())
  await engine.audit.record(newEvent('1'))
  engine.audit.recordEventually(newEvent('2'))
  const [page, end] = [await engine.audit.query({ pageSize: 10 }), await engine.audit.end()]
  t.match(lines.map(line => JSON.parse(line)), [{ gateway: 'a', event: 'revealed', context_id: '1' }, { context_id: '2' }])
  t.same(end, { gateway: 'a', sequence: 2, hash: hashOf(JSON.stringify(page.events[1])) })
})

t.test('a page with a line that was changed, or whose next line is gone, is not answered as verified', async t => {
  const { engines, operate } = await usedSchema(t)
  const { audit } = engines[0]!
  const page = { contextId: '2', pageSize: 10 }
  t.equal((await audit.query(page)).verified, true)
  await operate("DELETE FROM audit WHERE gateway = 'a' AND sequence = 3")
  t.equal((await audit.query(page)).verified, false)
  t.equal((await audit.query({ ...page, contextId: '1' })).verified, true)
  await operate("UPDATE audit SET line = replace(line, 'runner', 'sunner') WHERE gateway = 'a' AND sequence = 1")
  t.equal((await audit.query({ ...page, contextId: '1' })).verified, false)
  t.equal((await audit.query({ ...page, contextId: '5' })).verified, true)
})

t.test('audit -- verify reads the chains of all gateways', async t => {
  const { env, operate } = await usedSchema(t)
  t.match(await verify(env), { code: 0, stdout: /^schema test_\w+: 5 lines of 2 gateways, whole\n$/, stderr: '' })
  const tampered = async (sql: string, problem: RegExp) => {
    await operate('BEGIN')
    await operate(sql)
    await operate('COMMIT')
    t.match(await verify(env), { code: 1, stdout: problem }, sql)
  }
  await operate('CREATE TABLE saved AS TABLE audit; CREATE TABLE saved_gateway AS TABLE gateway')
  const restore = () => operate('TRUNCATE audit, gateway; INSERT INTO audit SELECT * FROM saved; INSERT INTO gateway SELECT * FROM saved_gateway')
  const cases: Array<[string, RegExp]> = [
    ["UPDATE audit SET line = replace(line, 'runner', 'sunner') WHERE gateway = 'a' AND sequence = 2", /^a:2 was changed/],
    ["UPDATE audit SET line = replace(line, 'runner', 'sunner') WHERE gateway = 'a' AND sequence = 3", /^a:3 was changed/],
    ["DELETE FROM audit WHERE gateway = 'a' AND sequence = 1", /^a:2 line number 1 is missing before this line/],
    ["DELETE FROM audit WHERE gateway = 'a' AND sequence = 2", /^a:3 line number 2 is missing before this line/],
    ["DELETE FROM audit WHERE gateway = 'b' AND sequence = 2", /^b:1 line number 2 is missing behind this line/],
    ["DELETE FROM audit WHERE gateway = 'b'", /^b the lines number 1 to 2 are missing/],
    ["DELETE FROM gateway WHERE name = 'b'", /^b is absent or damaged/],
    ["UPDATE audit SET gateway = 'c' WHERE gateway = 'b'; UPDATE gateway SET name = 'c' WHERE name = 'b'", /^c:1 is filed as something that it does not tell of/],
    ["UPDATE audit SET context_id = 'other' WHERE gateway = 'b' AND sequence = 2", /^b:2 is filed as something that it does not tell of/],
    ["UPDATE audit SET time = 0 WHERE gateway = 'b' AND sequence = 2", /^b:2 is filed as something/],
    ["UPDATE audit SET line = 'x' WHERE gateway = 'b' AND sequence = 2", /^b:2 is no line of the audit log/]
  ]
  for (const [sql, problem] of cases) {
    await tampered(sql, problem)
    await restore()
  }
  t.match(await verify(env), { code: 0 })
})

t.test('lines that the database has chained are lines as files have them', async t => {
  const { operate } = await usedSchema(t)
  const lines: string[] = (await operate("SELECT line FROM audit WHERE gateway = 'a' ORDER BY sequence")).map(({ line }) => line)
  for (const [index, line] of lines.slice(1).entries()) t.equal(JSON.parse(line).previous, hashOf(lines[index]!))
  for (const line of lines) t.equal(JSON.stringify(JSON.parse(line)), line)
})

t.test('audit -- verify without a log says what to do', async t => {
  const env = withSchema(t, url)
  t.match(await verify(env), { code: 2, stdout: '', stderr: /^audit: the schema is not there/ })
})

t.test('keys shows and changes the ring of a database, which all gateways follow', async t => {
  const { env, engines } = await usedSchema(t)
  await t.rejects(keysCommand(['list'], env), { code: 'not_found', message: /no key ring in the schema test_\w+: set ECTX_STORE/ })
  await t.rejects(keysCommand(['list'], { ...env, ECTX_ROOT_KEY_FILE: '' }), { code: 'invalid_argument', message: /ECTX_ROOT_KEY_FILE must be set/ })
  const first = (await keysCommand(['begin'], env)).trim()
  await t.rejects(keysCommand(['begin'], env), { code: 'already_exists', message: /keys -- rotate/ })
  const rings = await Promise.all(engines.map(({ keys }) => KeyRing.open({ store: keys })))
  const second = (await keysCommand(['rotate'], env)).trim()
  t.match(await keysCommand(['list'], env), new RegExp(`${first} .* retired .*\n${second} .* active`))
  t.match(await keysCommand(['prune', '--older-than', '1m'], env), /none is destroyed/)
  for (const ring of rings) {
    await ring.refresh()
    t.equal((await ring.current()).id, second)
  }
  const other = join(t.testdir({ key: Buffer.alloc(32, 9).toString('base64') }), 'key')
  t.match(await keysCommand(['rewrap', '--to-root-key-file', other], env), /^wrapped in the schema/)
  await t.rejects(keysCommand(['list'], env), { code: 'unavailable', message: /another root key/ })
  t.match(await keysCommand(['list'], { ...env, ECTX_ROOT_KEY_FILE: other }), new RegExp(`${second} .* active`))
})
