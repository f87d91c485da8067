import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { STATUS_CODES } from 'node:http'
import type { Logger } from 'pino'
import { GatewayError } from '../errors.js'
import { failure, toProblem, type Failure } from './problem.js'

/** Answers what Node's HTTP parser refuses, which no route and no hook ever sees: still as a problem document, with `headers`. */
export const answerUnparsable = (log: Logger, headers: Readonly<Record<string, string>>) => (error: Error & { code?: string }, socket: Socket): void => {
  // The client has gone away: there is nobody to answer.
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const refused = refusal(error.code)
  const requestId = randomUUID()
  const body = JSON.stringify(toProblem(refused, requestId, '/'))
  socket.end([
    `HTTP/1.1 ${refused.status} ${STATUS_CODES[refused.status]}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Cache-Control: no-store',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
    '',
    body
  ].join('\r\n'))
  log.info({ request_id: requestId, status: refused.status }, 'unparsable request')
}

function refusal (code: string | undefined): Failure {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW': return failure(new GatewayError('resource_exhausted', 'the headers are larger than 16 KiB'), 431)
    case 'ERR_HTTP_REQUEST_TIMEOUT': return failure(new GatewayError('deadline_exceeded', 'the request did not arrive in time'), 408)
    default: return failure(new GatewayError('invalid_argument', 'this is no valid HTTP/1.1 request'))
  }
}
