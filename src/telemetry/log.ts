import { pino, type DestinationStream, type Logger } from 'pino'
import { systemClock } from '../clock.js'
import { GatewayError } from '../errors.js'
import { LogOutput } from './log-output.js'
import { PipelineFailure } from '../pipeline/pipeline.js'
import type { LogLevel } from '../config/config.js'

/**
 * JSON lines on standard output; for people where that is a terminal. `flush` resolves when what still waits is written,
 * or a second later.
 */
export async function createLog (level: LogLevel): Promise<{ log: Logger, flush: () => Promise<void> }> {
  const output = new LogOutput(count => always.warn({ count }, 'log lines were dropped: they were not read as fast as they came'))
  const forPeople = process.stdout.isTTY ? (await import('./log-for-people.js')).forPeople : undefined
  const log = createLogger(level, forPeople === undefined ? output : { write: line => output.write(forPeople(line)) })
  // Lines of any level may have been dropped.
  const always = log.child({}, { level: level === 'silent' ? level : 'warn' })
  return { log, flush: () => output.flush() }
}

/** All that a line may hold. Anything else may be, or hold, what a caller sent: a request, a resource, headers. */
const FIELDS: ReadonlySet<string> = new Set([
  'request_id', 'operation', 'route', 'method', 'status', 'duration_ms', 'pipeline', 'steps', 'code', 'failed_step',
  'err', 'problem', 'reason', 'signal', 'address', 'docs', 'grpc', 'data_dir', 'count',
  'ids', 'lost', 'wrong', 'damaged', 'records'
])

// A child logger's own fields do not go through `onlyKnown`: at least these, by these names, never get out.
const REDACTED = Object.fromEntries([
  'req',
  'res',
  'request',
  'reply',
  'headers',
  'body',
  'query',
  'params',
  'resource',
  'record',
  'context',
  'data',
  'token'
]
  .map(name => [name, () => '[redacted]']))

function onlyKnown (fields: Record<string, unknown>): Record<string, unknown> {
  for (const name in fields) {
    if (!FIELDS.has(name)) {
      return Object.fromEntries(
        Object.entries(fields).map(([name, value]) => [name, FIELDS.has(name) ? value : '[redacted]'])
      )
    }
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
  const now = systemClock.now()
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
