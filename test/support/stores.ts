import type { Test } from 'tap'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { newDataDir } from './data-dir.js'
import type { LoggedStore } from './gateway.js'

/** Every engine, new and empty, for what must hold on each. */
export const engines: Readonly<Record<string, (t: Test) => Promise<LoggedStore>>> = {
  memory: async () => new MemoryStore(),
  level: t => LevelStore.open(newDataDir(t))
}
