import type { Test } from 'tap'
import { LevelStore } from '../../src/storage/level.js'
import { MemoryStore } from '../../src/storage/memory.js'
import type { Store } from '../../src/storage/store.js'
import { newDataDir } from './data-dir.js'

/** Every engine, new and empty, for what must hold on each. */
export const engines: Readonly<Record<string, (t: Test) => Promise<Store>>> = {
  memory: async () => new MemoryStore(),
  level: t => LevelStore.open(newDataDir(t))
}
