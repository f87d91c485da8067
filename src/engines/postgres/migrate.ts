import { createRequire } from 'node:module'
import { join } from 'node:path'
import { runner } from 'node-pg-migrate'
import type pg from 'pg'

const DIRECTORY = join(createRequire(import.meta.url).resolve('#package.json'), '../src/engines/postgres/migrations')
/** Any number that no other program has for its own lock; with the schema it tells deployments apart. */
const LOCK = 0x65637478

/** Brings the schema to this version: one gateway at a time, of many that start at once. A newer one is left as it is. */
export async function migrate (client: pg.Client, schema: string): Promise<void> {
  await client.query({ text: 'SELECT pg_advisory_lock($1, hashtext($2))', values: [LOCK, schema] })
  try {
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
