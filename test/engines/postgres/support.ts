import { createHash } from 'node:crypto'
import pg from 'pg'
import type { Test } from 'tap'
import { loadConfig } from '../../../src/config/config.js'
import type { Clock } from '../../../src/clock.js'
import type { Engine } from '../../../src/engines/engine.js'
import { migrate } from '../../../src/engines/postgres/migrate.js'
import { Link } from '../../../src/engines/postgres/link.js'
import { Primary } from '../../../src/engines/postgres/primary.js'
import { PostgresRing } from '../../../src/engines/postgres/postgres-ring.js'
import { PostgresTrees } from '../../../src/engines/postgres/postgres-trees.js'
import { openPostgres } from '../../../src/engines/postgres/postgres.js'
import { loadRootKey } from '../../../src/secrets/root-key.js'
import { newDataDir } from '../../support/data-dir.js'
import { startPostgres } from '../../support/postgres.js'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Opens engines on one server, which has a schema for each directory that a conformance suite gives. */
export async function postgresEngines (t: Test) {
  const server = await startPostgres(t)
  const { url } = server
  const rootKeyFile = join(newDataDir(t), 'root.key')
  writeFileSync(rootKeyFile, Buffer.alloc(32, 1).toString('base64'))
  const schemaOf = (directory: string) => `test_${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`
  const linkTo = (directory: string) => {
    const schema = schemaOf(directory)
    const link = new Link(new Primary({ urls: [url], schema }), { prepare: client => migrate(client, schema) })
    t.teardown(() => link.close())
    return link
  }

  return {
    ...server,
    schemaOf,
    open: (directory: string, clock: Clock, name = 'test'): Promise<Engine> => openPostgres(loadConfig({
      ECTX_STORE: `${url}?schema=${schemaOf(directory)}`, ECTX_ROOT_KEY_FILE: rootKeyFile, ECTX_GATEWAY_NAME: name, ECTX_DATA_DIR: directory
    }), clock, () => {}),

    /** A ring in the schema of the directory. */
    ring (directory: string): PostgresRing {
      const link = linkTo(directory)
      return new PostgresRing(link, link, loadRootKey({ ECTX_ROOT_KEY_FILE: rootKeyFile })!)
    },

    /** Trees there. */
    async trees (directory: string): Promise<PostgresTrees> {
      const link = linkTo(directory)
      return new PostgresTrees(link, link)
    },

    /** What of an engine goes by time, whose database tells it by `clock`. */
    async timed (directory: string, { store, feed, deliveries }: Engine, clock: Clock): Promise<Pick<Engine, 'store' | 'feed' | 'deliveries'>> {
      const client = new pg.Client({ connectionString: url, options: `-c search_path=${schemaOf(directory)}` })
      client.on('error', () => {})
      await client.connect()
      await client.query(`CREATE TABLE IF NOT EXISTS test_clock (time bigint); DELETE FROM test_clock; INSERT INTO test_clock VALUES (0);
        CREATE OR REPLACE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT time FROM ${schemaOf(directory)}.test_clock'`)
      let told = NaN
      let telling: Promise<unknown> | undefined
      const tell = () => {
        if (clock.now() === told) return
        told = clock.now()
        const query = client.query('UPDATE test_clock SET time = $1', [told]).then(() => { if (telling === query) telling = undefined })
        telling = query
      }
      const onTime = <T extends object>(part: T): T => new Proxy(part, {
        get (target, name) {
          const value = Reflect.get(target, name, target)
          if (target === store && name === 'close') return () => Promise.all([store.close(), client.end()])
          return typeof value !== 'function'
            ? value
            : (...args: unknown[]) => {
                tell()
                const call = () => Reflect.apply(value, target, args)
                return telling === undefined || name === 'listen' ? call() : telling.then(call)
              }
        }
      })
      return { store: onTime(store), feed: onTime(feed), deliveries: onTime(deliveries) }
    }
  }
}
