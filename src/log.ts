import { pino, type DestinationStream, type Logger } from 'pino'
import { GatewayError } from './errors.js'
import { PipelineFailure } from './pipeline/pipeline.js'
import type { LogLevel } from './config.js'

// Lines are written together: that makes one several times cheaper than by itself. None waits longer than this.
const FLUSH_MS = 200
const FLUSH_CHARACTERS = 65_536

/** JSON lines on standard output; for people where that is a terminal. `flush` writes what still waits. */
export async function createLog (level: LogLevel): Promise<{ log: Logger, flush: () => void }> {
  if (process.stdout.isTTY) {
    const { default: pretty } = await import('pino-pretty')
    return { log: createLogger(level, pretty({ sync: true, ignore: 'pid,hostname' })), flush () {} }
  }
  const lines = gathered()
  return { log: createLogger(level, lines), flush: lines.flushSync }
}

function gathered (): DestinationStream & { flushSync (): void } {
  const output = pino.destination({ dest: 1, sync: false })
  let waiting = ''
  const pass = () => {
    if (waiting !== '') output.write(waiting)
    waiting = ''
  }
  setInterval(pass, FLUSH_MS).unref()
  return {
    write (line) {
      waiting += line
      if (waiting.length >= FLUSH_CHARACTERS) pass()
    },
    // pino calls it too, after a `fatal` line.
    flushSync () {
      pass()
      output.flushSync()
    }
  }
}

/** All that a line may hold. Anything else may be, or hold, what a caller sent: a request, a resource, headers. */
const FIELDS: ReadonlySet<string> = new Set([
  'request_id', 'operation', 'route', 'method', 'status', 'duration_ms', 'pipeline', 'steps', 'code', 'failed_step',
  'err', 'problem', 'reason', 'signal', 'address', 'docs', 'data_dir'
])

// A child logger's own fields do not go through `onlyKnown`: at least these, by these names, never get out.
const REDACTED = Object.fromEntries(['req', 'res', 'request', 'reply', 'headers', 'body', 'query', 'params', 'resource', 'record', 'context', 'data', 'token']
  .map(name => [name, () => '[redacted]']))

function onlyKnown (fields: Record<string, unknown>): Record<string, unknown> {
  for (const name in fields) {
    if (!FIELDS.has(name)) return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, FIELDS.has(name) ? value : '[redacted]']))
  }
  return fields
}

/** A logger that writes to `destination`. No field but those of `FIELDS` gets through, and of an error no payload. */
export const createLogger = (level: LogLevel, destination: DestinationStream): Logger => pino({
  level,
  base: undefined,
  timestamp: isoTime,
  formatters: { level: label => ({ level: label }), log: onlyKnown },
  serializers: { ...REDACTED, err: describeError }
}, destination)

let stampedAt = 0
let stamp = ''

/** pino's ISO time, made once for all the lines of one millisecond: making it is a third of the cost of a line. */
function isoTime (): string {
  const now = Date.now()
  if (now !== stampedAt) {
    stampedAt = now
    stamp = `,"time":"${new Date(now).toISOString()}"`
  }
  return stamp
}

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
