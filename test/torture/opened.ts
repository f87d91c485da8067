import { assemble } from '../../src/compose/compose.js'
import { systemClock } from '../../src/clock.js'
import { loadConfig } from '../../src/config/config.js'
import { openEngine } from '../../src/engines/open-engine.js'
import { LIMITS } from '../../src/server/listener.js'
import { createLogger } from '../../src/telemetry/log.js'

export type Opened = Awaited<ReturnType<typeof open>>

/** A gateway in this process on `dataDir`, that listens nowhere. @throws as a start does */
export async function open (dataDir: string) {
  const lines: Array<Record<string, any>> = []
  const log = createLogger('info', { write: line => { lines.push(JSON.parse(line)) } })
  const config = loadConfig({ ECTX_DATA_DIR: dataDir })
  const engine = await openEngine(config, systemClock, (message, err) => log.warn({ err }, message))
  const { http, close } = await assemble(engine, { ...config, limits: { ...LIMITS, loopDelay: Infinity } }, log).catch(async error => {
    await engine.close()
    throw error
  })
  const ask = (method: 'GET' | 'POST' | 'DELETE', url: string, body?: object, headers: Record<string, string> = {}) => http.inject({
    method, url, headers: { ...headers, ...body && { 'content-type': 'application/json' } }, payload: body && JSON.stringify(body)
  })
  return { ask, close, lines }
}
