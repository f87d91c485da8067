import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type pg from 'pg'
import { GatewayError } from '../../errors.js'
import { loadRootKey } from '../../secrets/root-key.js'
import type { OpenEngine, Supports } from '../engine.js'
import { connectToPrimary, Link } from './link.js'
import { migrate } from './migrate.js'
import { PostgresAudit } from './postgres-audit.js'
import { PostgresReader } from './postgres-reader.js'
import { PostgresRing } from './postgres-ring.js'
import { PostgresStore } from './postgres-store.js'
import { PostgresWriter } from './postgres-writer.js'
import { parsePostgresUrl, type PostgresPlace } from './postgres-url.js'
import { failure } from './failures.js'
import { keepTidy } from './tidy.js'

export const postgresSupports: Supports = { durable: true, sharedKeys: true }

// Any number that no other program has for its own locks.
export const NAME_LOCK = 0x6563746e

/** Records, audit events and keys in a PostgreSQL database, which any number of gateways can have open. */
export const openPostgres: OpenEngine = async ({ databaseUrl = '', gatewayName, keyRing, auditDays }, clock, warn) => {
  const place = parsePostgresUrl(databaseUrl)
  const gateway = gatewayName ?? `${hostname().replaceAll(/[^\w.-]/g, '-').slice(0, 200)}-${randomBytes(4).toString('hex')}`
  const writing = new Link(place, nameTaker(place.schema, gateway))
  const [reading, keys] = [new Link(place), new Link(place)]
  const links = [writing, reading, keys]
  const ring = new PostgresRing(keys, loadRootKey(keyRing.root))
  try {
    await prepare(place)
    for (const link of links) await link.open()
    const writer = new PostgresWriter(writing, gateway, clock)
    const store = new PostgresStore(writer, new PostgresReader(reading))
    const audit = new PostgresAudit(writer, reading, clock, warn)
    const stopTidying = keepTidy(reading, auditDays, warn)
    return {
      supports: postgresSupports,
      store,
      audit,
      keys: ring,
      async close () {
        await stopTidying()
        await audit.close()
        await store.close()
        await Promise.all(links.map(link => link.close()))
      }
    }
  } catch (error) {
    await Promise.all(links.map(link => link.close()))
    throw failure(error)
  }
}

/** Sees to it that the schema is there, and of this version. */
async function prepare (place: PostgresPlace): Promise<void> {
  let client: pg.Client | undefined
  try {
    client = await connectToPrimary(place)
    await migrate(client, place.schema)
  } catch (error) {
    throw failure(error)
  } finally {
    await client?.end().catch(() => {})
  }
}

/**
 * Has each new connection hold the gateway's name for as long as it lasts. Where the one before was lost the server may not know that
 * yet: then that one is ended there. It throws `unavailable` where another process has the name.
 */
function nameTaker (schema: string, gateway: string): (client: pg.Client) => Promise<void> {
  let before: number | undefined
  return async client => {
    const { rows: [row] } = await client.query<{ taken: boolean, pid: number }>({
      text: 'SELECT pg_try_advisory_lock($1, hashtext($2)) AS taken, pg_backend_pid() AS pid', values: [NAME_LOCK, `${schema} ${gateway}`]
    })
    if (row?.taken === true) {
      before = row.pid
      await client.query({ text: 'INSERT INTO gateway (name) VALUES ($1) ON CONFLICT DO NOTHING', values: [gateway] })
      return
    }
    if (before === undefined) {
      throw new GatewayError('unavailable', `another process is the gateway '${gateway}': give each its own ECTX_GATEWAY_NAME, or none`)
    }
    await client.query({ text: 'SELECT pg_terminate_backend($1)', values: [before] })
    throw Object.assign(new Error('the connection before still holds the name'), { code: '57P03' })
  }
}
