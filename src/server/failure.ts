import { GatewayError, type Code } from '../errors.js'

/** A failure for which HTTP has a status of its own, whatever its code. */
export class HttpFailure extends GatewayError {
  constructor (readonly status: number, code: Code, message: string, cause?: unknown) {
    super(code, message, { cause })
  }
}

const OWN: ReadonlySet<Code> = new Set<Code>(['internal', 'unavailable', 'unimplemented', 'deadline_exceeded'])

/**
 * Whether a failure is a fault of the gateway: neither a mistake of a client, in whatever form and with whatever status it is told,
 * nor a limit, which says when to come again.
 */
export const isOwn = (failure: GatewayError): boolean =>
  OWN.has(failure.code) && failure.retryAfterSeconds === undefined && !(failure instanceof HttpFailure && failure.status < 500)

/** Failures of Fastify's, by its error code: what they are to a caller, and the status where HTTP has one for them. */
const OF_FASTIFY: Readonly<Record<string, { code: Code, status?: number, detail: string }>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'invalid_argument',
    status: 415,
    detail: 'send the body as Content-Type: application/json, in UTF-8'
  },
  FST_ERR_BAD_URL: { code: 'invalid_argument', detail: 'the path is not a valid URL path: check its percent-encoding' },
  FST_ERR_ASYNC_CONSTRAINT: { code: 'invalid_argument', detail: 'the request cannot be routed' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'invalid_argument', detail: 'the id in the path is too long' }
}

/** What a caller is told of any failure, of an operation or of Fastify. */
export function toFailure (thrown: unknown): GatewayError {
  const known = thrown instanceof Error && 'code' in thrown ? OF_FASTIFY[String(thrown.code)] : undefined
  if (known === undefined) return GatewayError.from(thrown)
  const { code, status, detail } = known
  return status === undefined ? new GatewayError(code, detail, { cause: thrown }) : new HttpFailure(status, code, detail, thrown)
}

/** What Node's HTTP parser refuses with the error `code`. */
export function failureOfParser (code: string | undefined): GatewayError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW': return new HttpFailure(431, 'resource_exhausted', 'the headers are larger than 16 KiB')
    case 'ERR_HTTP_REQUEST_TIMEOUT': return new HttpFailure(408, 'deadline_exceeded', 'the request did not arrive in time')
    default: return new GatewayError('invalid_argument', 'this is no valid HTTP/1.1 request')
  }
}
