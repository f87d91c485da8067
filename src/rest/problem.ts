import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Problem } from '../../schemas/problem.js'
import { GatewayError, type Code } from '../errors.js'
import { BODY_TOO_LARGE } from './input/body-limit.js'

/** What each code means on HTTP: this table is the only place that knows. */
const STATUS: Readonly<Record<Code, number>> = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  aborted: 409,
  failed_precondition: 412,
  resource_exhausted: 429,
  internal: 500,
  unimplemented: 501,
  unavailable: 503,
  deadline_exceeded: 504
}

/** Failures of HTTP itself, by Fastify's or Node's error code: what they are to a caller, and the status where it is not the code's own. */
const TRANSPORT: Readonly<Record<string, { code: Code, status?: number, detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'resource_exhausted', status: 413, detail: BODY_TOO_LARGE },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { code: 'invalid_argument', detail: 'the body has not the length that Content-Length says' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'invalid_argument', status: 415, detail: 'send the body as Content-Type: application/json, in UTF-8' },
  FST_ERR_BAD_URL: { code: 'invalid_argument', detail: 'the path is not a valid URL path: check its percent-encoding' },
  FST_ERR_ASYNC_CONSTRAINT: { code: 'invalid_argument', detail: 'the request cannot be routed' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'invalid_argument', detail: 'the id in the path is too long' }
}

/** A failure as a client is told it: `error` with, for those that HTTP itself makes, the status it has there. */
export interface Failure {
  readonly error: GatewayError
  readonly status: number
}

/** Any failure of a route, of Fastify or of Node's HTTP parser. */
export function toFailure (thrown: unknown): Failure {
  const name = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  const transport = TRANSPORT[name]
  if (transport === undefined) return failure(GatewayError.from(thrown))
  return failure(new GatewayError(transport.code, transport.detail, { cause: thrown }), transport.status)
}

export const failure = (error: GatewayError, status: number = STATUS[error.code]): Failure => ({ error, status })

const title = (code: Code) => code[0]!.toUpperCase() + code.slice(1).replaceAll('_', ' ')

/** The RFC 9457 document of a failure. */
export function toProblem ({ error, status }: Failure, requestId: string, instance: string): Problem {
  return {
    type: `urn:ectx:problem:${error.code}`,
    title: title(error.code),
    status,
    detail: error.message,
    instance,
    code: error.code,
    request_id: requestId,
    ...(error.existingId !== undefined && { existing_id: error.existingId }),
    ...(error.violations.length > 0 && { errors: [...error.violations] })
  }
}

/** Answers `failure` as a problem document. */
export function sendProblem (request: FastifyRequest, reply: FastifyReply, failure: Failure): FastifyReply {
  const { code, retryAfterSeconds = code === 'unavailable' ? 1 : undefined } = failure.error
  if (code === 'unauthenticated') reply.header('www-authenticate', 'Bearer realm="ectx"')
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds))
  return reply
    .code(failure.status)
    .header('x-request-id', request.id)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(JSON.stringify(toProblem(failure, request.id, pathOf(request.url))))
}

/** A URL's path: a query may hold anything, and is repeated nowhere. */
export const pathOf = (url: string) => url.split('?', 1)[0]!
