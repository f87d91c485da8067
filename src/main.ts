import closeWithGrace from 'close-with-grace'
import { composeGateway } from './compose.js'
import { ConfigError, loadConfig } from './config.js'
import { GatewayError } from './errors.js'
import { createLog } from './log.js'

const CLOSE_MS = 9_500

// What the gateway writes is for its own user alone.
process.umask(0o077)

try {
  const config = loadConfig(process.env)
  const { log, flush } = await createLog(config.logLevel)
  if (process.getuid?.() === 0) log.warn('running as root: run it as a user of its own, which needs no rights but to its data directory')
  const app = await composeGateway(config, log)

  closeWithGrace({ delay: CLOSE_MS, logger: false }, async ({ err, signal }) => {
    if (err) log.fatal({ err }, 'crashed')
    else log.info({ signal }, 'closing')
    await app.close()
    log.info('closed')
    flush()
  })

  const address = await app.listen({ host: config.host, port: config.port, listenTextResolver: address => `listening at ${address}` })
  log.info({ address, docs: `${address}/docs`, data_dir: config.store === 'embedded' ? config.dataDir : undefined }, 'ready')
} catch (error) {
  process.stderr.write(`ectx: ${whatToDo(error)}\n`)
  process.exit(1)
}

/** Why the gateway did not start. */
function whatToDo (error: unknown): string {
  if (error instanceof ConfigError || error instanceof GatewayError) return error.message
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return `${error.message}; stop what listens there or set ECTX_PORT`
  return error instanceof Error ? error.stack ?? error.message : String(error)
}
