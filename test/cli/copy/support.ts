import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { systemClock } from '../../../src/clock.js'
import { assemble } from '../../../src/compose/compose.js'
import { loadConfig } from '../../../src/config/config.js'
import { placesIn } from '../../../src/config/places.js'
import { LevelStore } from '../../../src/engines/embedded/level/level-store.js'
import { openEngine } from '../../../src/engines/open-engine.js'
import { LIMITS } from '../../../src/server/listener.js'
import { createLogger } from '../../../src/telemetry/log.js'
import { newDataDir } from '../../support/data-dir.js'
import { contextBody, PATH, post } from '../../support/gateway.js'
import { KIND } from '../../support/records.js'
import type { Store, StoredRecord } from '../../../src/storage/store.js'

type Environment = Readonly<Record<string, string>>

/** The command as a process, in that environment alone. */
export function startCopy (args: readonly string[], env: Environment = {}) {
  const child = spawn(process.execPath, ['dist/src/cli/store-copy.js', ...args], { env: { PATH: process.env.PATH, ...env } })
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    .then(([stdout, stderr, [code]]: [string, string, unknown[]]) => ({ code, stdout, stderr }))
  return { child, ended }
}

export const copy = (from: string, to: string, env?: Environment, ...more: string[]) =>
  startCopy(['--from', from, '--to', to, ...more], env).ended

/** A gateway on the engine that the variables name, for `app.inject`. */
export async function openGateway (t: Test, env: Environment, failed = (line: string) => { t.fail(line) }) {
  const config = loadConfig(env)
  const log = createLogger('error', { write: failed })
  const engine = await openEngine(config, systemClock, message => t.fail(message))
  const { http: app, close } = await assemble(engine, { ...config, limits: { ...LIMITS, loopDelay: Infinity } }, log)
  t.teardown(close)
  return {
    app,
    close,
    store: engine.store,
    ids: () => engine.integrity!.ids(KIND),
    keys: async () => (await engine.keys.read())!.map(({ id, state }) => `${id} ${state}`),
    create: async (name: string) => {
      const response = await post(app, contextBody({ metadata: { name } }), PATH, { 'idempotency-key': name })
      t.equal(response.statusCode, 201)
      return response.json().metadata.id as string
    },
    secretOf: async (id: string) => (await app.inject(`${PATH}/${id}`)).json().spec?.data.TOKEN.value as string | undefined
  }
}

/** A new data directory with these records, of which nothing is sealed. */
export async function directoryWith (t: Test, records: readonly StoredRecord[]): Promise<string> {
  const directory = newDataDir(t)
  await inDirectory(directory, store => Promise.all(records.map(record => store.insert(record))))
  return directory
}

/** Has `work` done in the store of a directory that nobody has open. */
export async function inDirectory<T> (directory: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await LevelStore.open(placesIn(directory).database)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

/** The file of a new root key. */
export function newRootKey (t: Test): string {
  const file = join(newDataDir(t), 'root.key')
  writeFileSync(file, randomBytes(32).toString('base64'))
  return file
}
