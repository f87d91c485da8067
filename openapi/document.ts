import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '../src/compose.js'
import { loadConfig } from '../src/config.js'
import { createLogger } from '../src/log.js'
import { MemoryStore } from '../src/storage/memory.js'

/** The text of `openapi.json`, generated from the routes: the same for the same routes, byte for byte. */
export async function documentText (): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ectx-openapi-'))
  const app = await serve(new MemoryStore(), loadConfig({ ECTX_DATA_DIR: dataDir }), createLogger('silent', process.stdout))
  try {
    await app.ready()
    return `${JSON.stringify(app.swagger(), null, 2)}\n`
  } finally {
    await app.close()
    await rm(dataDir, { recursive: true })
  }
}
