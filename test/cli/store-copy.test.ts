import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { Side } from '../../src/cli/copy/side.js'
import { loadConfig } from '../../src/config/config.js'
import { newDataDir } from '../support/data-dir.js'
import { contextBody, PATH, post } from '../support/gateway.js'
import { startPostgres, withSchema } from '../support/postgres.js'
import { KIND, newRecord } from '../support/records.js'
import { until } from '../support/until.js'
import { copy, directoryWith, inDirectory, newRootKey, openGateway, startCopy } from './copy/support.js'

const server = await startPostgres(t)
const { url } = server

/** The rows of a query on the server. */
async function query<Row extends object> (text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return client.query<Row>(text, values).then(({ rows }) => rows).finally(() => client.end())
}

const schemaOf = (store: string) => new URL(store).searchParams.get('schema')!
/** How many records there are; none where there is no such schema yet. */
const countIn = (store: string) =>
  query<{ count: string }>(`SELECT count(*) FROM ${schemaOf(store)}.record`).then(([row]) => Number(row!.count), () => 0)

t.test('from a directory to PostgreSQL, to another schema, and back: all secrets can be revealed', async t => {
  const source = newDataDir(t)
  const before = await openGateway(t, { ECTX_DATA_DIR: source })
  const names = ['one', 'two', 'three']
  const ids = await Promise.all(names.map(name => before.create(name)))
  const keys = await before.keys()
  await before.close()

  const [first, second, directory] = [withSchema(t, url), withSchema(t, url), newDataDir(t)]
  const hops: Array<[from: string, to: string, fromKey: string | undefined, gateway: Record<string, string>]> = [
    [source, first.ECTX_STORE, undefined, first],
    [first.ECTX_STORE, second.ECTX_STORE, first.ECTX_ROOT_KEY_FILE, second],
    [second.ECTX_STORE, directory, second.ECTX_ROOT_KEY_FILE, { ECTX_DATA_DIR: directory, ECTX_ROOT_KEY_FILE: newRootKey(t) }]
  ]
  const checksums = new Set<string>()
  for (const [from, to, fromKey, env] of hops) {
    const more = [...fromKey === undefined ? [] : ['--from-root-key-file', fromKey], '--to-root-key-file', env.ECTX_ROOT_KEY_FILE!]
    const { code, stdout, stderr } = await copy(from, to, {}, ...more)
    t.match({ code, stderr }, { code: 0, stderr: '' })
    t.match(stdout, /^copied 6 records; 0 were there already\nverified 6 records \(3 execution_context, 3 idempotency_key\), checksum sha256:/)
    t.notMatch(stdout + stderr, /s3cr3t/)
    checksums.add(stdout.split('sha256:')[1]!)
    t.match((await copy(from, to, {}, ...more)).stdout, /^copied 0 records; 6 were there already\nverified 6/)

    const gateway = await openGateway(t, env)
    t.same(await gateway.keys(), keys)
    for (const id of ids) t.equal(await gateway.secretOf(id), 's3cr3t')
    const replayed = await post(gateway.app, contextBody({ metadata: { name: names[0] } }), PATH, { 'idempotency-key': names[0]! })
    t.equal(replayed.json().metadata.id, ids[0], 'what was asked for is known')
    await gateway.close()
  }
  t.equal(checksums.size, 1)
  t.match(readFileSync(join(source, 'keyring.json'), 'utf8'), '"wrapped": false')
})

t.test('one that was killed goes on when it is run again', async t => {
  const records = Array.from({ length: 3_000 }, (_, index) => newRecord(`id-${String(index).padStart(4, '0')}`))
  const [source, target] = [await directoryWith(t, records), withSchema(t, url)]
  const args = ['--from', source, '--to', target.ECTX_STORE, '--to-root-key-file', target.ECTX_ROOT_KEY_FILE]
  const { child, ended } = startCopy(args)
  const exited = once(child, 'exit')
  await until(async () => await countIn(target.ECTX_STORE) > 0)
  child.kill('SIGKILL')
  await exited
  await ended

  const { stdout, code } = await startCopy(args).ended
  t.equal(code, 0)
  t.match(stdout, 'verified 3,000 records')
  t.notMatch(stdout, '; 0 were there already')
})

t.test('one that loses the database goes on when that is there again', async t => {
  const records = Array.from({ length: 3_000 }, (_, index) => newRecord(`id-${String(index).padStart(4, '0')}`))
  const [source, target] = [await directoryWith(t, records), withSchema(t, url)]
  const { ended } = startCopy(['--from', source, '--to', target.ECTX_STORE, '--to-root-key-file', target.ECTX_ROOT_KEY_FILE])
  await until(async () => await countIn(target.ECTX_STORE) > 0)
  await server.crash()
  t.match(await ended, { code: 0, stdout: /verified 3,000 records/, stderr: /^(store:copy: [^\n]*connection[^\n]*\n)*$/ })
})

t.test('a root key that is missing or another is told, and nothing is copied', async t => {
  const [source, target] = [await directoryWith(t, [newRecord('a')]), withSchema(t, url)]
  const gateway = await openGateway(t, target)
  await gateway.close()
  t.match(await copy(source, withSchema(t, url).ECTX_STORE), {
    code: 1, stdout: '', stderr: /^store:copy: --to-root-key-file must be set too, since --to is a database: [^\n]*\n$/
  })
  const empty = newDataDir(t)
  t.match(await copy(target.ECTX_STORE, empty, { ECTX_ROOT_KEY_FILE: newRootKey(t) }), {
    code: 1, stdout: '', stderr: /^store:copy: --from: the key ring in the database is wrapped by another root key, or was changed: set --from-root-key-file/
  })
  await inDirectory(empty, async store => t.same([...await store.kinds()], []))
})

t.test('a schema that has another ring is refused', async t => {
  const source = newDataDir(t)
  await (await openGateway(t, { ECTX_DATA_DIR: source })).close()
  const target = withSchema(t, url)
  const gateway = await openGateway(t, target)
  const keys = await gateway.keys()
  await gateway.close()
  t.match(await copy(source, target.ECTX_STORE, { ECTX_ROOT_KEY_FILE: target.ECTX_ROOT_KEY_FILE }), {
    code: 1, stdout: '', stderr: /^store:copy: --to: it has a key ring of its own, [^\n]*\n$/
  })
  t.same(await (await openGateway(t, target)).keys(), keys)
})

t.test('a schema that a gateway has open is refused, and one of another is not', async t => {
  const [source, open, other] = [await directoryWith(t, [newRecord('a')]), withSchema(t, url), withSchema(t, url)]
  const gateway = await openGateway(t, { ...open, ECTX_GATEWAY_NAME: 'blue' })
  const env = { ECTX_ROOT_KEY_FILE: open.ECTX_ROOT_KEY_FILE }
  t.match(await copy(source, open.ECTX_STORE, env), { code: 1, stdout: '', stderr: 'store:copy: --to: open by \'blue\': stop all gateways, and other copies, and run this again\n' })
  t.match(await copy(open.ECTX_STORE, newDataDir(t), env), { code: 1, stdout: '', stderr: /--from: open by 'blue'/ })
  t.match(await copy(source, other.ECTX_STORE, { ECTX_ROOT_KEY_FILE: other.ECTX_ROOT_KEY_FILE }), { code: 0, stdout: /^copied 1 records/ })
  t.equal(await gateway.store.find(KIND, 'a'), undefined)
})

t.test('a gateway that is started meanwhile is found out', async t => {
  const env = withSchema(t, url)
  const { store, databaseUrl, dataDir, keyRing, auditDays, auditMaxBytes, auditBacklog } = loadConfig(env)
  const side = await Side.open('to', { store, databaseUrl, dataDir, keyRing, auditDays, auditMaxBytes, auditBacklog, gatewayName: 'copy' }, t.fail)
  t.teardown(() => side.close())
  await side.assertAlone()
  const gateway = await openGateway(t, { ...env, ECTX_GATEWAY_NAME: 'blue' })
  await t.rejects(side.assertAlone(), { code: 'failed_precondition', message: /--to: open by 'blue'/ })
  await gateway.close()
  await side.assertAlone()
})

t.test('a source that is not there is not made', async t => {
  const absent = withSchema(t, url)
  t.match(await copy(absent.ECTX_STORE, newDataDir(t), { ECTX_ROOT_KEY_FILE: absent.ECTX_ROOT_KEY_FILE }), {
    code: 1, stdout: '', stderr: /--from: the database has no such schema/
  })
  t.match(await copy('postgres://ectx:s3cr3t@127.0.0.1:1/x?schema=A', newDataDir(t)), { code: 1, stdout: '', stderr: /^store:copy: --from names a schema that is none/ })
  t.match(await copy('postgres://ectx:s3cr3t@127.0.0.1:1/x', newDataDir(t)), {
    code: 1, stdout: '', stderr: 'store:copy: --from: the database cannot be reached now; try again (ECONNREFUSED)\n'
  })
  t.same(await query('SELECT FROM pg_namespace WHERE nspname = $1', [schemaOf(absent.ECTX_STORE)]), [])
})
