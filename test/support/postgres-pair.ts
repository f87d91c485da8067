import { spawnSync } from 'node:child_process'
import { appendFileSync, chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { startServer, type Server } from './postgres.js'
import { until } from './until.js'

const STANDBY = 'ectx_standby'
// Memory in files, which go with the directory, however the server ended.
const SETTINGS = ['wal_level=replica', 'hot_standby=on', 'wal_keep_size=1GB', 'dynamic_shared_memory_type=mmap']

export interface Member extends Server {
  readonly directory: string
  /** What a statement answers that an operator runs. */
  ask (text: string): Promise<Array<Record<string, any>>>
  /** Stops all its processes where they are, as a machine does that hangs. */
  freeze (): Promise<void>
  thaw (): void
  /** A standby follows its primary no longer, though it answers, until it is thawed. */
  deafen (): Promise<void>
  /** Ends all its processes, as a power cut does; frozen ones too. */
  destroy (): Promise<void>
}

/** Two servers, on ports that they keep: of which the first is the primary, until somebody promotes the other. Both end with the test. */
export class Pair {
  primary: Member
  standby: Member

  private constructor (primary: Member, standby: Member) {
    this.primary = primary
    this.standby = standby
  }

  static async start (t: Test): Promise<Pair> {
    const directory = mkdtempSync(join(tmpdir(), 'ectx-pair-'))
    t.teardown(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))
    // The server runs as another user, where the test is root's.
    chmodSync(directory, 0o755)
    const start = async (name: string) => {
      const at = join(directory, name)
      return memberOf(t, at, await startServer({ directory: at, fast: true, settings: SETTINGS }))
    }
    const pair = new Pair(await start('a'), await start('b'))
    await pair.attach()
    return pair
  }

  /** Makes the standby anew, from what the primary has, while that works; from then on commits wait for it. */
  async attach (): Promise<void> {
    const { primary, standby } = this
    await standby.destroy()
    rmSync(standby.directory, { recursive: true })
    const client = await connect(primary.url)
    await client.query("SELECT pg_backup_start('standby', true)")
    // Files may go meanwhile, which is no matter: what happened to them is in the log of the primary.
    spawnSync('cp', ['-a', primary.directory, standby.directory])
    const { rows: [backup] } = await client.query('SELECT labelfile FROM pg_backup_stop(false)')
    await client.end()
    const wal = join(standby.directory, 'pg_wal')
    for (const { name } of readdirSync(wal, { withFileTypes: true }).filter(entry => entry.isFile())) rmSync(join(wal, name))
    rmSync(join(standby.directory, 'postmaster.pid'), { force: true })
    const { uid, gid } = statSync(standby.directory)
    for (const [name, content] of [['backup_label', backup.labelfile], ['standby.signal', '']]) {
      writeFileSync(join(standby.directory, name), content)
      chownSync(join(standby.directory, name), uid, gid)
    }
    // Once promoted it has nobody behind it.
    appendFileSync(join(standby.directory, 'postgresql.auto.conf'), "\nsynchronous_standby_names = ''\n")
    await standby.start([...SETTINGS, `primary_conninfo=host=127.0.0.1 port=${primary.port} user=ectx application_name=${STANDBY}`])
    await primary.ask(`ALTER SYSTEM SET synchronous_standby_names = '${STANDBY}'`)
    await primary.ask('SELECT pg_reload_conf()')
    await until(async () => (await primary.ask('SELECT sync_state FROM pg_stat_replication')).some(row => row.sync_state === 'sync'))
  }

  /** Makes the standby the primary, and resolves when it is. The other is not told. */
  async promote (): Promise<void> {
    const promoted = this.standby
    // Not waited for by a statement: what it could still see would keep the standby from going on.
    await promoted.ask('SELECT pg_promote(false)')
    await until(async () => (await promoted.ask('SELECT pg_is_in_recovery() AS waits')).every(({ waits }) => waits === false))
    this.standby = this.primary
    this.primary = promoted
  }
}

function memberOf (t: Test, directory: string, server: Server): Member {
  let frozen: number[] = []
  const signal = (pids: readonly number[], name: NodeJS.Signals) => {
    for (const pid of pids) {
      try {
        process.kill(pid, name)
      } catch {
        // It ended meanwhile.
      }
    }
  }
  const member: Member = {
    ...server,
    directory,
    async ask (text) {
      const client = await connect(server.url)
      try {
        return (await client.query(text)).rows
      } finally {
        client.end().catch(() => {})
      }
    },
    async freeze () {
      const client = await connect(server.url)
      // First of all the one that starts others.
      signal([server.pid()], 'SIGSTOP')
      const { rows } = await client.query('SELECT pid FROM pg_stat_activity')
      frozen = [server.pid(), ...rows.map(({ pid }) => Number(pid))]
      signal(frozen, 'SIGSTOP')
      client.connection.stream.destroy()
    },
    async deafen () {
      frozen = (await member.ask('SELECT pid FROM pg_stat_wal_receiver')).map(({ pid }) => Number(pid))
      signal(frozen, 'SIGSTOP')
    },
    thaw () {
      signal(frozen, 'SIGCONT')
      frozen = []
    },
    async destroy () {
      const isRunning = frozen.length === 0 && await member.freeze().then(() => true, () => false)
      const pids = frozen
      frozen = []
      await server.kill()
      if (isRunning || pids.length > 0) signal(pids, 'SIGKILL')
    }
  }
  t.teardown(() => member.destroy())
  return member
}

async function connect (connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  return client
}
