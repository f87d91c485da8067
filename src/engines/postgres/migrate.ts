import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { runner } from 'node-pg-migrate'
import type pg from 'pg'
import { GatewayError } from '../../errors.js'

const DIRECTORY = join(createRequire(import.meta.url).resolve('#package.json'), '../src/engines/postgres/migrations')
/** Any number that no other program has for its own lock; with the schema it tells deployments apart. */
const LOCK = 0x65637478

/**
 * Brings the schema to this version: one gateway at a time, of many that start at once. A newer one is left as it is.
 * @throws `unavailable` where that cannot be used by this version any more
 */
export async function migrate (client: pg.Client, schema: string): Promise<void> {
  await client.query({ text: 'SELECT pg_advisory_lock($1, hashtext($2))', values: [LOCK, schema] })
  try {
    await assertUsable(client, schema)
    await runner({
      dbClient: client,
      dir: DIRECTORY,
      direction: 'up',
      migrationsTable: 'migration',
      schema,
      createSchema: true,
      // Ours is held, and waits for its turn.
      noLock: true,
      checkOrder: false,
      log: () => {}
    })
  } finally {
    await client.query({ text: 'SELECT pg_advisory_unlock($1, hashtext($2))', values: [LOCK, schema] })
  }
}

/** A schema tells which gateways can use it: those that know the migration of that number. */
async function assertUsable (client: pg.Client, schema: string): Promise<void> {
  const { rows: [found] } = await client.query<{ is_there: boolean, tells: boolean }>({
    text: 'SELECT to_regclass($1) IS NOT NULL AS is_there, to_regprocedure($2) IS NOT NULL AS tells',
    values: [`"${schema}".migration`, `"${schema}".oldest_gateway()`]
  })
  if (!found?.is_there) return
  // A start that was interrupted leaves an empty one.
  const { rows: [migrated] } = await client.query(`SELECT FROM "${schema}".migration LIMIT 1`)
  if (migrated === undefined) return
  const known = Math.max(...readdirSync(DIRECTORY).map(name => parseInt(name, 10)))
  if (found.tells) {
    const { rows } = await client.query<{ oldest: number }>(`SELECT "${schema}".oldest_gateway() AS oldest`)
    if (rows[0]!.oldest <= known) return
  }
  throw new GatewayError(
    'unavailable',
    `the schema '${schema}' is of another version of ectx, which this one cannot work with: start that one, or name another schema in ECTX_STORE`
  )
}
