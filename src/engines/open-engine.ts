import type { Config } from '../config/config.js'
import { openEmbedded } from './embedded/embedded.js'
import type { OpenEngine } from './engine.js'
import { openMemory } from './memory/memory.js'

const ENGINES: Readonly<Record<Config['store'], OpenEngine>> = {
  embedded: openEmbedded,
  memory: openMemory,
  // Loaded where it is asked for: no other engine pays for what it needs.
  postgres: async (...args) => (await import('./postgres/postgres.js')).openPostgres(...args)
}

/** The engine that `config` asks for. */
export const openEngine: OpenEngine = (config, ...others) => ENGINES[config.store](config, ...others)
