import { systemClock } from '../src/clock.js'
import { assemble } from '../src/compose/compose.js'
import { loadConfig } from '../src/config/config.js'
import { openMemory } from '../src/engines/memory/memory.js'
import { createLogger } from '../src/telemetry/log.js'

/** The text of `openapi.json`, generated from the routes: the same for the same routes, byte for byte. */
export async function documentText (): Promise<string> {
  const config = loadConfig({})
  const { http, close } = await assemble(await openMemory(config, systemClock, () => {}), config, createLogger('silent', process.stdout))
  try {
    await http.ready()
    return `${JSON.stringify(http.swagger(), null, 2)}\n`
  } finally {
    await close()
  }
}
