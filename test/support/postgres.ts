import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { newDataDir } from './data-dir.js'

export interface Server {
  readonly url: string
  readonly port: number
  /** That of the process which starts all others. */
  pid (): number
  stop (): Promise<void>
  /** Ends it as a crash does, and starts it again. */
  crash (): Promise<void>
  /** Ends the process that starts all others, which they notice soon. */
  kill (): Promise<void>
  /** Starts it again, with other settings if need be. */
  start (settings?: readonly string[]): Promise<void>
}

interface Options {
  readonly directory: string
  readonly port?: number
  readonly fast?: boolean
  readonly settings?: readonly string[]
}

export const { startServer }: { startServer (options: Options): Promise<Server> } =
  await import(pathToFileURL(resolve('scripts/embedded-postgres.js')).href)

/** A PostgreSQL for the tests of this file, which ends with them. */
export async function startPostgres (t: Test): Promise<Server & { directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'ectx-postgres-'))
  const server = await startServer({ directory, fast: true })
  t.teardown(async () => {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  return { ...server, directory }
}

/** The variables of a gateway that has a schema of its own on the server at `url`. */
export function withSchema (t: Test, url: string) {
  const file = join(newDataDir(t), 'root.key')
  writeFileSync(file, randomBytes(32).toString('base64'))
  return { ECTX_STORE: `${url}?schema=test_${randomBytes(8).toString('hex')}`, ECTX_ROOT_KEY_FILE: file }
}
