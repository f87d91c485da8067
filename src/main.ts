import closeWithGrace from 'close-with-grace'
import { composeGateway } from './compose.js'
import { loadConfig } from './config.js'
import { GatewayError } from './errors.js'
import { createLog } from './log.js'
import { ConfigError } from './variables.js'

const CLOSE_MS = 9_500
/** What to do where the system lets it not listen. */
const CANNOT_LISTEN: Readonly<Record<string, string>> = {
  EADDRINUSE: 'stop what listens there or set ECTX_PORT',
  EACCES: 'this user may not listen there: set ECTX_PORT to a port above 1023',
  EADDRNOTAVAIL: 'set ECTX_HOST to an address of this machine',
  EAFNOSUPPORT: 'set ECTX_HOST to an address of a kind that this machine has',
  ENOTFOUND: 'set ECTX_HOST to an address, or to a name that leads to this machine',
  EAI_AGAIN: 'set ECTX_HOST to an address, or to a name that can be looked up'
}

// What the gateway writes is for its own user alone.
process.umask(0o077)

try {
  const config = loadConfig(process.env)
  const { log, flush } = await createLog(config.logLevel)
  if (process.getuid?.() === 0) log.warn('running as root: run it as a user of its own, which needs no rights but to its data directory')
  if (config.serviceLinks.length > 0) log.warn(`ignored what Kubernetes sets for a Service that is called "ectx" or "ectx-…": ${config.serviceLinks.join(', ')}; enableServiceLinks: false in the pod keeps it away`)
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
  if (error instanceof Error && 'code' in error && String(error.code) in CANNOT_LISTEN) return `${error.message}; ${CANNOT_LISTEN[String(error.code)]}`
  return error instanceof Error ? error.stack ?? error.message : String(error)
}
