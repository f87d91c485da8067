import { chownSync, chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/clock.js'
import { loadConfig } from '../../../src/config/config.js'
import { failure } from '../../../src/engines/postgres/failures.js'
import { openPostgres } from '../../../src/engines/postgres/postgres.js'
import { createCertificate, createRoot } from '../../support/certificates.js'
import { newDataDir } from '../../support/data-dir.js'
import { startPostgres, withSchema } from '../../support/postgres.js'

const { port, url, directory } = await startPostgres(t)

/** What an operator runs, one statement after the other. */
async function operate (...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

/** Opens an engine as `user` with `parameters`, and closes it again. */
async function open (t: Test, user: string, parameters = '', host = '127.0.0.1'): Promise<void> {
  const env = withSchema(t, `postgres://${user}@${host}:${port}/postgres`)
  const place = new URL(env.ECTX_STORE)
  for (const [name, value] of new URLSearchParams(parameters)) place.searchParams.set(name, value)
  const config = loadConfig({ ...env, ECTX_STORE: place.href, ECTX_DATA_DIR: newDataDir(t) })
  const engine = await openPostgres(config, systemClock, () => {})
  await engine.close()
}

async function refuses (t: Test, advice: RegExp, ...where: [user: string, parameters?: string, host?: string]): Promise<void> {
  const error = await open(t, ...where).then(() => undefined, thrown => thrown)
  t.match(error, { code: 'unavailable', message: advice })
  t.notMatch(String(error?.message), /s3cr3t/)
}

const hba = join(directory, 'pg_hba.conf')
writeFileSync(hba, `host all locked all scram-sha-256\nhostssl all crypted all trust\nhostnossl all crypted all reject\nhost all stranger all reject\n${readFileSync(hba, 'utf8')}`)
await operate(
  'SELECT pg_reload_conf()',
  ...['locked', 'crypted', 'stranger', 'plain', 'reader', 'lonely', 'hasty'].map(role => `CREATE ROLE ${role} LOGIN PASSWORD 's3cr3t'`),
  'GRANT CREATE ON DATABASE postgres TO locked, crypted, reader, lonely, hasty',
  'CREATE SCHEMA of_another',
  'ALTER ROLE reader SET default_transaction_read_only = on',
  'ALTER ROLE lonely CONNECTION LIMIT 1',
  "ALTER ROLE hasty SET statement_timeout = '1ms'"
)

t.test('what an operator has to mend is said, in a sentence of ours', async t => {
  await open(t, 'locked:s3cr3t')
  await refuses(t, /user or its password/, 'locked:s3cr3t-no-more')
  await refuses(t, /add a line to its pg_hba\.conf/, 'stranger')
  await refuses(t, /grant it CREATE on the database/, 'plain')
  await refuses(t, /make it the owner of the schema/, 'plain', 'schema=of_another')
  await refuses(t, /can only be read: set default_transaction_read_only to off/, 'reader')
  await refuses(t, /raise max_connections/, 'lonely')
  await refuses(t, /took too long: see pg_stat_activity/, 'hasty')
})

t.test('PostgreSQL that was told of no certificate is not spoken to, where TLS is asked for', async t => {
  await refuses(t, /offers no TLS: set ssl = on/, 'ectx', 'sslmode=verify-full')
})

t.test('with TLS, only a server is spoken to whose certificate is of a root that is trusted, and for its name', async t => {
  const [root, other] = [await createRoot('root'), await createRoot('other')]
  const files = t.testdir({ 'root.pem': root.cert, 'other.pem': other.cert })
  const use = async ({ cert, key }: { cert: string, key: string }) => {
    const { uid, gid } = statSync(directory)
    for (const [name, content] of [['server.crt', cert], ['server.key', key]] as const) {
      writeFileSync(join(directory, name), content)
      chownSync(join(directory, name), uid, gid)
      chmodSync(join(directory, name), 0o600)
    }
    await operate('ALTER SYSTEM SET ssl = on', 'SELECT pg_reload_conf()')
  }
  await use(await createCertificate(root))
  const [trusting, mistaken] = ['root', 'other'].map(name => `&sslrootcert=${files}/${name}.pem`)

  await refuses(t, /sslmode=verify-full if it wants TLS/, 'crypted')
  await open(t, 'crypted', `sslmode=verify-full${trusting}`)
  await open(t, 'crypted', `sslmode=verify-full${trusting}`, 'localhost')
  await refuses(t, /is not trusted: give its root as sslrootcert/, 'crypted', `sslmode=verify-full${mistaken}`)
  await refuses(t, /is not trusted: give its root as sslrootcert/, 'crypted', 'sslmode=verify-full')
  await refuses(t, /cannot be read: see sslrootcert/, 'crypted', `sslmode=verify-full&sslrootcert=${files}/none.pem`)
  // Unlike in libpq, and without a word of the driver on standard error.
  for (const mode of ['prefer', 'require', 'verify-ca']) await refuses(t, /is not trusted/, 'crypted', `sslmode=${mode}`)
  await open(t, 'crypted', 'sslmode=no-verify')

  await use(await createCertificate(root, 'db.example'))
  await refuses(t, /is for another host/, 'crypted', `sslmode=verify-full${trusting}`)
})

t.test('a database that cannot keep every character is not used', async t => {
  await operate("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
  const opening = openPostgres(loadConfig({ ...withSchema(t, url.replace(/postgres$/, 'latin')), ECTX_DATA_DIR: newDataDir(t) }), systemClock, () => {})
  await t.rejects(opening, { code: 'unavailable', message: /has the encoding LATIN1: make one by createdb --encoding=UTF8/ })
})

t.test('what no test can bring about is said too', async t => {
  const told = (code: string) => failure(Object.assign(new Error('s3cr3t'), { code })).message
  t.match(told('53100'), /disk of PostgreSQL is full/)
  t.match(told('57P03'), /starts or stops just now/)
  t.match(told('55P03'), /another session holds for long what is needed/)
  t.match(told('42P05'), /pool_mode = session/)
  t.match(told('XX000'), /the log has its reason/)
  t.equal(failure(Object.assign(new Error('s3cr3t'), { code: '22P02' })).code, 'internal')
})
