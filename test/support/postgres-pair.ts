import { chownSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { startServer, type Server } from './postgres.js'
import { until } from './until.js'

const STANDBY = 'ectx_standby'
/** Of a primary whose commits wait for the standby. */
const SYNCHRONOUS = ['wal_level=replica', 'hot_standby=on', `synchronous_standby_names=${STANDBY}`]
/** Of a server whose commits wait for nobody: as a standby has it, and an operator who promotes it without another one behind. */
const ALONE = ['wal_level=replica', 'hot_standby=on', 'synchronous_standby_names=']

export interface Member extends Server {
  /** What a statement answers that an operator runs. */
  ask (text: string): Promise<Array<Record<string, any>>>
  /** Stops all its processes where they are, as a machine that hangs does. */
  freeze (): Promise<void>
  thaw (): void
}

/**
 * A primary and its synchronous standby, which follows. They end with the test. It is as `pg_basebackup` makes it, which npm's
 * PostgreSQL has not: a copy of the files of a server that does not run.
 */
export async function startPair (t: Test): Promise<{ primary: Member, standby: Member }> {
  const directory = mkdtempSync(join(tmpdir(), 'ectx-pair-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))
  const [first, second] = [join(directory, 'a'), join(directory, 'b')]
  const server = await startServer({ directory: first, fast: true, settings: SYNCHRONOUS })
  const primary = memberOf(t, server)
  await server.kill()
  cpSync(first, second, { recursive: true, preserveTimestamps: true })
  rmSync(join(second, 'postmaster.pid'))
  writeFileSync(join(second, 'standby.signal'), '')
  giveAway(second)
  await server.start(SYNCHRONOUS)
  const conninfo = `primary_conninfo=host=127.0.0.1 port=${server.port} user=ectx application_name=${STANDBY}`
  const standby = memberOf(t, await startServer({ directory: second, fast: true, settings: [...ALONE, conninfo] }))
  await until(async () => (await primary.ask('SELECT sync_state FROM pg_stat_replication')).some(row => row.sync_state === 'sync'))
  return { primary, standby }
}
