import { prettyFactory } from 'pino-pretty'

const pretty = prettyFactory({ ignore: 'pid,hostname', singleLine: true, translateTime: 'SYS:HH:MM:ss.l', colorize: true })

/** A line of the log, which is JSON, for a terminal. Only an error takes more than one line. */
export function forPeople (line: string): string {
  const entry = JSON.parse(line)
  return pretty(entry.msg === 'request' ? asSentence(entry) : entry)
}

function asSentence (
  { level, time, method, route = '(no route)', status, duration_ms: milliseconds, request_id: id }: Record<string, unknown>
): object {
  return { level, time, msg: `${method} ${route} ${status} ${milliseconds} ms ${id}` }
}
