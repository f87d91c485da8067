import { pino, type DestinationStream, type Logger } from 'pino'
import { GatewayError } from './errors.js'
import { PipelineFailure } from './pipeline/pipeline.js'
import type { LogLevel } from './config.js'

/** A line waits for others at most this long, which makes it several times cheaper than a write of its own. */
const FLUSH_MS = 200

/** JSON lines on standard output; for people where that is a terminal. `flush` writes what still waits. */
export async function createLog (level: LogLevel): Promise<{ log: Logger, flush: () => void }> {
  if (process.stdout.isTTY) {
    const { default: pretty } = await import('pino-pretty')
    return { log: createLogger(level, pretty({ sync: true, ignore: 'pid,hostname' })), flush () {} }
  }
  const destination = pino.destination({ dest: 1, sync: false, minLength: 4096, periodicFlush: FLUSH_MS })
  return { log: createLogger(level, destination), flush: () => destination.flushSync() }
}

/** A logger that writes to `destination` and lets no error's payload through. */
export const createLogger = (level: LogLevel, destination: DestinationStream): Logger => pino({
  level,
  base: undefined,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: label => ({ level: label }) },
  serializers: { err: describeError }
}, destination)

/**
 * An error and its causes for the log. Only messages that we wrote, and those of the store and the operating system
 * (which speak of files), are kept: any other may quote what a caller sent.
 */
export function describeError (error: unknown): object | undefined {
  if (!(error instanceof Error)) return undefined
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const ours = error instanceof GatewayError || error instanceof PipelineFailure
  const ofFiles = code?.startsWith('LEVEL_') || 'syscall' in error
  return {
    type: error.name,
    code,
    message: ours || ofFiles ? error.message : undefined,
    stack: error.stack?.split('\n').filter(line => line.startsWith('    at ')).join('\n'),
    cause: describeError(error.cause)
  }
}
