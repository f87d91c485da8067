import { randomUUID } from 'node:crypto'
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { GatewayError } from '../errors.js'
import type { Traffic } from './connection.js'
import { requestIdOf } from './request-id.js'
import { pathOf, type Refusal, type Transport } from './transport.js'

/** As the transport tells it that `request` is for; where it is none, the last, which owns all. */
function refusalOf (transports: readonly Transport[], failure: GatewayError, requestId: string, request?: IncomingMessage): Refusal {
  const path = pathOf(request?.url ?? '/')
  const transport = transports.find(({ owns }) => owns(path))!
  return transport.refuse(failure, requestId, { path, contentType: request?.headers['content-type'] })
}

/** Answers `failure` in the form of the transport that the request is for. */
export function sendRefusal (
  transports: readonly Transport[], request: FastifyRequest, reply: FastifyReply, failure: GatewayError
): FastifyReply {
  const { status, headers, body } = refusalOf(transports, failure, request.id, request.raw)
  request.failureCode = failure.code
  return reply.code(status).header('x-request-id', request.id).headers(headers).send(body)
}

/**
 * A failure of what no route and no hook ever sees, in the form of its transport, with `common` headers, as bytes to be sent by
 * whoever asks for them. `request` is the one that it answers, where it is one.
 */
export const renderRefusal = (
  transports: readonly Transport[], log: Logger, common: Refusal['headers']
): Traffic['refusal'] => (failure, request) => {
  const requestId = request === undefined ? randomUUID() : requestIdOf(request)
  const { status, headers, body } = refusalOf(transports, failure, requestId, request)
  log.info({ request_id: requestId, status }, 'unparsable request')
  const all = { ...headers, 'content-length': Buffer.byteLength(body), 'x-request-id': requestId, ...common, connection: 'close' }
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(all).map(([name, value]) => `${name}: ${value}`),
    '',
    body
  ].join('\r\n')
}
