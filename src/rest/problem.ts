import type { Problem } from '../../schemas/problem.js'
import type { Code, GatewayError } from '../errors.js'
import { HttpFailure } from '../server/failure.js'
import { headersOf, type Refusal, type Target } from '../server/transport.js'

/** What each code means on HTTP: this table is the only place that knows. */
const STATUS: Readonly<Record<Code, number>> = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  aborted: 409,
  out_of_range: 410,
  failed_precondition: 412,
  resource_exhausted: 429,
  internal: 500,
  unimplemented: 501,
  unavailable: 503,
  deadline_exceeded: 504,
  idempotency_key_reused: 422,
  not_representable: 422
}

const title = (code: Code) => code[0]!.toUpperCase() + code.slice(1).replaceAll('_', ' ')

/** The RFC 9457 document of a failure. */
export const toProblem = (failure: GatewayError, requestId: string, instance: string): Problem => ({
  type: `urn:ectx:problem:${failure.code}`,
  title: title(failure.code),
  status: failure instanceof HttpFailure ? failure.status : STATUS[failure.code],
  detail: failure.message,
  instance,
  code: failure.code,
  request_id: requestId,
  ...(failure.existingId !== undefined && { existing_id: failure.existingId }),
  ...(failure.violations.length > 0 && { errors: [...failure.violations] })
})

/** A failure as a problem document, with the headers that go with it. */
export function refuse (failure: GatewayError, requestId: string, { path }: Target): Refusal {
  const problem = toProblem(failure, requestId, path)
  return {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8', ...headersOf(failure) },
    body: JSON.stringify(problem)
  }
}
