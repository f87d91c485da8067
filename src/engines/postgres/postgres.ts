import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type pg from 'pg'
import { GatewayError } from '../../errors.js'
import { loadRootKey } from '../../secrets/root-key.js'
import type { OpenEngine, Supports } from '../engine.js'
import { Link } from './link.js'
import { PostgresAudit } from './postgres-audit.js'
import { PostgresDeliveries } from './postgres-deliveries.js'
import { PostgresFeed } from './postgres-feed.js'
import { PostgresReader } from './postgres-reader.js'
import { PostgresRing } from './postgres-ring.js'
import { PostgresStore } from './postgres-store.js'
import { PostgresTrees } from './postgres-trees.js'
import { PostgresWriter } from './postgres-writer.js'
import { parsePostgresUrl } from './postgres-url.js'
import { prepare } from './prepare.js'
import { Primary } from './primary.js'
import { failure, TakesTooLong } from './failures.js'
import { keepTidy } from './tidy.js'

export const postgresSupports: Supports = { durable: true, sharedKeys: true }

// Any number that no other program has for its own locks.
export const NAME_LOCK = 0x6563746e

/** Records, audit events and keys in a PostgreSQL database, which any number of gateways can have open. */
export const openPostgres: OpenEngine = async ({ databaseUrl = '', gatewayName, keyRing, auditDays }, clock, warn, sink) => {
  const primary = new Primary(parsePostgresUrl(databaseUrl), warn)
  const gateway = gatewayName ?? `${hostname().replaceAll(/[^\w.-]/g, '-').slice(0, 200)}-${randomBytes(4).toString('hex')}`
  const writing = new Link(primary, { prepare: nameTaker(primary.schema, gateway), writes: true })
  // What may take long is asked on the third, so that no read of a record waits for it.
  const keeping = new Link(primary, { writes: true })
  const reading: Link = new Link(primary, { prepare: client => feed.hear(client) })
  const feed = new PostgresFeed(reading, keeping, primary.schema)
  const keys = new PostgresRing(keeping, reading, loadRootKey(keyRing.root))
  const leave = async () => {
    await Promise.all([writing, reading, keeping].map(link => link.close()))
    primary.close()
  }
  try {
    await prepare(primary, warn)
    for (const link of [writing, reading, keeping]) await link.open()
    const writer = new PostgresWriter(writing, gateway, clock, feed, sink)
    const store = new PostgresStore(writer, new PostgresReader(reading))
    const audit = new PostgresAudit(writer, keeping, gateway, clock, warn, sink)
    const stopTidying = await keepTidy(keeping, auditDays, warn)
    return {
      supports: postgresSupports,
      store,
      feed,
      deliveries: new PostgresDeliveries(keeping),
      audit,
      keys,
      trees: new PostgresTrees(keeping, reading),
      async close () {
        feed.close()
        await stopTidying()
        await audit.close()
        await store.close()
        await leave()
      }
    }
  } catch (error) {
    await leave()
    throw failure(error)
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
      await client.query({ text: 'SELECT join_gateways($1)', values: [gateway] })
      return
    }
    if (before === undefined) {
      throw new GatewayError('unavailable', `another process is the gateway '${gateway}': give each its own ECTX_GATEWAY_NAME, or none`)
    }
    await client.query({ text: 'SELECT pg_terminate_backend($1)', values: [before] })
    throw new TakesTooLong('the connection before still holds the name')
  }
}
