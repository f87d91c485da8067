import pg from 'pg'
import t from 'tap'
import { startPostgres, withSchema } from '../support/postgres.js'
import { assertSees, goThrough, leaksIn } from './canary-visit.js'

const server = await startPostgres(t)

t.test('a secret that went through a gateway on PostgreSQL is in none of its tables and files', t => {
  const env = withSchema(t, server.url)
  return goThrough(t, {
    env,
    async leaks (sweep) {
      const client = new pg.Client({ connectionString: server.url })
      await client.connect()
      // So that the tables are in their files; what came before is in those of the write-ahead log.
      await client.query('CHECKPOINT')
      const { rows: tables } = await client.query('SELECT quote_ident(schemaname) || \'.\' || quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = $1', [new URL(env.ECTX_STORE).searchParams.get('schema')])
      const leaks: string[] = []
      // Asked for as a dump has it, since a file may have what is long compressed.
      for (const { name } of tables) {
        const { rows } = await client.query(`SELECT string_agg(r::text, E'\\n') AS text FROM ${name} r`)
        leaks.push(...sweep.find(rows[0].text ?? '').map(found => `${name} holds ${found}`))
      }
      await client.end()
      t.ok(tables.length > 8)
      return [...leaks, ...leaksIn(server.directory, sweep)]
    },
    assertSees (how) {
      assertSees(t, server.directory, name => name.startsWith('pg_wal/'))
      if (how === 'kill') assertSees(t, server.directory, name => name.startsWith('base/'))
    }
  })
})
