import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { GatewayError } from '../errors.js'
import type { Traffic } from './connection.js'
import { requestIdOf } from './request-id.js'
import { pathOf, type Refusal, type Transport } from './transport.js'

/** Answers `failure` in the form of `transport`. */
export function sendRefusal (transport: Transport, request: FastifyRequest, reply: FastifyReply, failure: GatewayError): FastifyReply {
  const { status, headers, body } = transport.refuse(failure, request.id, pathOf(request.url))
  return reply.code(status).header('x-request-id', request.id).headers(headers).send(body)
}

/**
 * A failure of what no route and no hook ever sees, in the form of `transport`, with `common` headers, as bytes to be sent by
 * whoever asks for them. `request` is the one that it answers, where it is one.
 */
export const renderRefusal = (transport: Transport, log: Logger, common: Refusal['headers']): Traffic['refusal'] => (failure, request) => {
  const requestId = request === undefined ? randomUUID() : requestIdOf(request)
  const { status, headers, body } = transport.refuse(failure, requestId, pathOf(request?.url ?? '/'))
  log.info({ request_id: requestId, status }, 'unparsable request')
  const all = { ...headers, 'content-length': Buffer.byteLength(body), 'x-request-id': requestId, ...common, connection: 'close' }
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(all).map(([name, value]) => `${name}: ${value}`),
    '',
    body
  ].join('\r\n')
}
