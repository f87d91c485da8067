import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { composeGateway, type Gateway } from './compose/compose.js'
import { loadConfig, type Config } from './config/config.js'
import type { Ending } from './server/ending.js'
import { GatewayError } from './errors.js'
import { createLog } from './telemetry/log.js'
import { ConfigError } from './config/variables.js'

/** How long a start that is to end may take until all is open, and can be closed. */
const START_MS = 3_000

/** What to do where the system lets it not listen. */
const CANNOT_LISTEN: Readonly<Record<string, string>> = {
  EADDRINUSE: 'stop what listens there or set ECTX_PORT, or of gRPC ECTX_GRPC_PORT',
  EACCES: 'this user may not listen there: set ECTX_PORT, or of gRPC ECTX_GRPC_PORT, to a port above 1023',
  EADDRNOTAVAIL: 'set ECTX_HOST to an address of this machine',
  EAFNOSUPPORT: 'set ECTX_HOST to an address of a kind that this machine has',
  ENOTFOUND: 'set ECTX_HOST to an address, or to a name that leads to this machine',
  EAI_AGAIN: 'set ECTX_HOST to an address, or to a name that can be looked up'
}

/** Serves until `ending`; then closes all that is open, and exits the process: with 1 after an error. */
export async function run (ending: Ending): Promise<never> {
  let flush = async () => {}
  let code = 0
  try {
    const config = loadConfig(process.env)
    const { log, ...output } = await createLog(config.logLevel)
    flush = output.flush
    ending.onError = err => {
      code = 1
      log.fatal({ err }, 'crashed')
    }
    if (!ending.isAsked) await serve(config, log, ending)
  } catch (error) {
    code = 1
    process.stderr.write(`ectx: ${whatToDo(error)}\n`)
  }
  await flush()
  process.exit(code)
}

async function serve (config: Config, log: Logger, ending: Ending): Promise<void> {
  if (process.getuid?.() === 0) log.warn('running as root: run it as a user of its own, which needs no rights but to its data directory')
  if (config.serviceLinks.length > 0) {
    log.warn(
    `ignored what Kubernetes sets for a Service that is called "ectx" or "ectx-…": ${config.serviceLinks.join(', ')}; enableServiceLinks: false in the pod keeps it away`
    )
  }
  // A start may wait for others, of a database, say, and is then left as it is.
  const tooLate = ending.asked.then(() => sleep(START_MS, undefined, { ref: false }))
  const gateway = await Promise.race([composeGateway(config, log), tooLate])
  if (gateway === undefined) return
  try {
    if (!ending.isAsked) await listen(gateway, config, log)
    const asked = await Promise.race([ending.asked, gateway.damage])
    if (asked instanceof GatewayError) throw asked
    log.info({ signal: asked }, 'closing')
  } finally {
    await gateway.close()
  }
  log.info('closed')
}

async function listen (gateway: Gateway, { store, dataDir }: Config, log: Logger): Promise<void> {
  const { address, grpc } = await gateway.listen()
  log.info({ address, docs: `${address}/docs`, grpc, data_dir: store === 'embedded' ? dataDir : undefined }, 'ready')
}

/** Why the gateway did not start, or could not close. */
function whatToDo (error: unknown): string {
  if (error instanceof GatewayError) return error.withoutLog
  if (error instanceof ConfigError) return error.message
  const advice = error instanceof Error && 'code' in error ? CANNOT_LISTEN[String(error.code)] : undefined
  if (error instanceof Error && advice !== undefined) return `${error.message}; ${advice}`
  return error instanceof Error ? error.stack ?? error.message : String(error)
}
