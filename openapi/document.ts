import { serve } from '../src/compose.js'
import { createLogger } from '../src/log.js'
import { MemoryStore } from '../src/storage/memory.js'

/** The text of `openapi.json`, generated from the routes: the same for the same routes, byte for byte. */
export async function documentText (): Promise<string> {
  const app = await serve(new MemoryStore(), createLogger('silent', process.stdout))
  try {
    await app.ready()
    return `${JSON.stringify(app.swagger(), null, 2)}\n`
  } finally {
    await app.close()
  }
}
