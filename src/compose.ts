import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { createOperations } from './execution-context/operations.js'
import { createServer, type ServerSettings } from './http/server.js'
import { createObserver } from './observer.js'
import { LevelStore } from './storage/level.js'
import { makePrivate } from './storage/private-directory.js'
import type { Store } from './storage/store.js'

/** The gateway on its database in `dataDir`: the one place that picks an engine. Closing it closes the store too. */
export async function composeGateway (dataDir: string, log: Logger, settings: ServerSettings = {}): Promise<FastifyInstance> {
  await makePrivate(dataDir)
  return serve(await LevelStore.open(join(dataDir, 'db')), log, settings)
}

/** The gateway on any store, which it closes when it closes. */
export async function serve (store: Store, log: Logger, settings: ServerSettings = {}): Promise<FastifyInstance> {
  const operations = createOperations(store, createObserver(log))
  const app = await createServer({ ...settings, operations, ready: () => store.ready(), log })
  app.addHook('onClose', () => store.close())
  return app
}
