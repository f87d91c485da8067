// `npm run bench:postgres`: PostgreSQL beside LevelDB, in one run on one machine: the stores alone, and gateways on them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { measureGateways } from './postgres-gateways.js'
import { measureStores } from './postgres-store.js'

export interface Database {
  readonly url: string
  /** The process that starts all others of the server. */
  readonly pid: number
  readonly rootKeyFile: string
  /** For what is not in the database. */
  readonly directory: string
}

const directory = mkdtempSync('.bench-')
// Not below the working directory: who runs the server may not look into that.
const data = mkdtempSync(join(tmpdir(), 'ectx-bench-'))
process.on('exit', () => { for (const path of [directory, data]) rmSync(path, { recursive: true, force: true, maxRetries: 10 }) })
const { startServer } = await import(pathToFileURL(resolve('scripts/embedded-postgres.js')).href)
const server = await startServer({ directory: data })
const rootKeyFile = join(directory, 'root.key')
writeFileSync(rootKeyFile, Buffer.alloc(32, 1).toString('base64'))
const database = { url: server.url, pid: server.pid(), rootKeyFile, directory }

process.stdout.write(`Node ${process.version}, ${availableParallelism()} cores for all of it; 64 in flight, fsync on; medians.

${await measureStores(database)}

${await measureGateways(database)}
`)
await server.stop()
