import type pg from 'pg'
import { GatewayError } from '../../errors.js'
import { migrate } from './migrate.js'
import type { Primary } from './primary.js'

const PATIENCE = '30s'
const TELL_MS = 3_000
const UNCHECKED = 'the server does not check its pages, so that a bit that turns may lose a context unseen: pg_checksums --enable'
const WAITS = 'the database lets the start wait: where another session is in the way, pg_locks and pg_stat_activity tell which'

/**
 * Sees to it that the database can be used as it must be, and the schema is there, and of this version. Rejects with what stands in the
 * way.
 */
export async function prepare (primary: Primary, warn: (message: string) => void): Promise<void> {
  const client = await primary.connect()
  // What runs the migrations throws errors of its own, which do not say by a code what the server refused.
  let refusal: unknown
  client.connection.on('errorMessage', message => { refusal ??= message })
  const timer = setTimeout(() => warn(WAITS), TELL_MS)
  try {
    await primary.watched(client, async () => {
      await assertUsable(client, warn)
      await assertOwnSession(primary, client)
      await client.query(`SET lock_timeout = '${PATIENCE}'`)
      await migrate(client, primary.schema)
    })
  } catch (error) {
    throw refusal ?? error
  } finally {
    clearTimeout(timer)
    primary.leave(client)
  }
}

async function assertUsable (client: pg.Client, warn: (message: string) => void): Promise<void> {
  const { rows: [found] } = await client.query<{ read_only: string, encoding: string, checksums: string }>(
    `SELECT current_setting('transaction_read_only') AS read_only, current_setting('server_encoding') AS encoding,
      current_setting('data_checksums') AS checksums`
  )
  if (found!.read_only === 'on') throw Object.assign(new Error('the database can only be read'), { code: '25006' })
  if (found!.encoding !== 'UTF8') {
    throw new GatewayError(
      'unavailable', `the database has the encoding ${found!.encoding}: make one by createdb --encoding=UTF8 --template=template0`
    )
  }
  if (found!.checksums !== 'on') warn(UNCHECKED)
}

/**
 * Of a gateway's sessions one holds its name, so a pooler must not give them to others in between: another connection, which works while
 * this one is idle, would be given its session.
 */
async function assertOwnSession (primary: Primary, client: pg.Client): Promise<void> {
  const other = await primary.connect()
  try {
    await client.query("SET ectx.session = 'own'")
    await other.query('BEGIN')
    const { rows: [found] } = await client.query<{ session: string | null }>("SELECT current_setting('ectx.session', true) AS session")
    await other.query('ROLLBACK')
    if (found?.session !== 'own') throw Object.assign(new Error('the session is another'), { code: '26000' })
  } finally {
    primary.leave(other)
  }
}
