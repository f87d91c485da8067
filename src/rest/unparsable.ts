import { STATUS_CODES, type IncomingMessage } from 'node:http'
import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { GatewayError } from '../errors.js'
import { failure, pathOf, toProblem, type Failure } from './problem.js'
import { requestIdOf } from '../server/request-id.js'

/**
 * A failure of what no route and no hook ever sees: still as a problem document, with `headers`, as bytes to be sent by
 * whoever asks for them. `request` is the one that it answers, where it is one.
 */
export const renderRefusal = (log: Logger, headers: Readonly<Record<string, string>>) => (refused: Failure, request?: IncomingMessage): string => {
  const requestId = request === undefined ? randomUUID() : requestIdOf(request)
  const body = JSON.stringify(toProblem(refused, requestId, pathOf(request?.url ?? '/')))
  log.info({ request_id: requestId, status: refused.status }, 'unparsable request')
  return [
    `HTTP/1.1 ${refused.status} ${STATUS_CODES[refused.status]}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Cache-Control: no-store',
    ...(refused.error.code === 'unavailable' ? ['Retry-After: 1'] : []),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
    '',
    body
  ].join('\r\n')
}

/** What Node's HTTP parser refuses with the error `code`. */
export function failureOfParser (code: string | undefined): Failure {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW': return failure(new GatewayError('resource_exhausted', 'the headers are larger than 16 KiB'), 431)
    case 'ERR_HTTP_REQUEST_TIMEOUT': return failure(new GatewayError('deadline_exceeded', 'the request did not arrive in time'), 408)
    default: return failure(new GatewayError('invalid_argument', 'this is no valid HTTP/1.1 request'))
  }
}
