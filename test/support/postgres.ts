import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { newDataDir } from './data-dir.js'

interface Server {
  readonly url: string
  stop (): Promise<void>
  /** Ends it as a crash does, and starts it again. */
  crash (): Promise<void>
}

const { startServer }: { startServer (options: { directory: string, fast: boolean }): Promise<Server> } =
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
