import { Code as Status, ConnectError } from '@connectrpc/connect'
import { codeToHttpStatus, contentTypeUnaryJson, errorToJson } from '@connectrpc/connect/protocol-connect'
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import type { Code, GatewayError } from '../errors.js'
import { HttpFailure } from '../server/failure.js'
import { headersOf, type Refusal, type Target } from '../server/transport.js'
import {
  BadRequestSchema, ErrorInfoSchema, RequestInfoSchema, ResourceInfoSchema, RetryInfoSchema
} from '../gen/google/rpc/error_details_pb.js'
import { KIND } from '../../schemas/execution-context.js'

/** For a call whose deadline has passed: its client wished it so. */
export const lateFailure = () =>
  new HttpFailure(408, 'deadline_exceeded', 'the deadline of the call has passed; what it began may have happened')

/** What each code means here: the names are the same, and our own two are refusals of what is there. */
const STATUS: Readonly<Record<Code, Status>> = {
  invalid_argument: Status.InvalidArgument,
  unauthenticated: Status.Unauthenticated,
  permission_denied: Status.PermissionDenied,
  not_found: Status.NotFound,
  already_exists: Status.AlreadyExists,
  aborted: Status.Aborted,
  failed_precondition: Status.FailedPrecondition,
  out_of_range: Status.OutOfRange,
  resource_exhausted: Status.ResourceExhausted,
  unimplemented: Status.Unimplemented,
  unavailable: Status.Unavailable,
  deadline_exceeded: Status.DeadlineExceeded,
  internal: Status.Internal,
  idempotency_key_reused: Status.FailedPrecondition,
  not_representable: Status.FailedPrecondition
}

/** As REST names fields; and what is not known is refused: `is_secert` would be stored in clear. */
export const JSON_OPTIONS = { ignoreUnknownFields: false, useProtoFieldName: true }

const DOMAIN = 'ectx'
type Details = NonNullable<ConstructorParameters<typeof ConnectError>[3]>

/** A failure as a status with Google's details: why, where in the message, what is in the way, and when to come again. */
export function toConnectError (failure: GatewayError, requestId: string): ConnectError {
  const { code, message, violations, existingId } = failure
  const headers = headersOf(failure)
  const metadata = existingId === undefined ? {} : { existing_id: existingId }
  const details: Details = [
    { desc: ErrorInfoSchema, value: { reason: code.toUpperCase(), domain: DOMAIN, metadata } },
    { desc: RequestInfoSchema, value: { requestId } }
  ]
  if (violations.length > 0) {
    const fieldViolations = violations.map(({ pointer, detail }) => ({ field: fieldOf(pointer), description: detail }))
    details.push({ desc: BadRequestSchema, value: { fieldViolations } })
  }
  if (existingId !== undefined) {
    details.push({ desc: ResourceInfoSchema, value: { resourceType: KIND, resourceName: existingId } })
  }
  if (headers['retry-after'] !== undefined) {
    details.push({ desc: RetryInfoSchema, value: { retryDelay: durationFromMs(Number(headers['retry-after']) * 1000) } })
  }
  return new ConnectError(message, STATUS[code], headers, details)
}

const NAME = /^[A-Za-z_]\w*$/

/** A JSON pointer as the path of a field: `spec.data["A B"]`. */
const fieldOf = (pointer: string): string => pointer.split('/').slice(1)
  .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  .reduce((path, part) => NAME.test(part) ? `${path}${path && '.'}${part}` : /^\d+$/.test(part) ? `${path}[${part}]` : `${path}[${JSON.stringify(part)}]`, '')

/** A failure of what never came to a method, in the form of the protocol that it was sent by. */
export function refuse (failure: GatewayError, requestId: string, { contentType = '' }: Target): Refusal {
  const error = toConnectError(failure, requestId)
  const headers = headersOf(failure)
  if (contentType.startsWith('application/grpc-web')) {
    const trailers = Object.fromEntries(setTrailerStatus(new Headers(), error))
    return { status: 200, headers: { ...headers, ...trailers, 'content-type': 'application/grpc-web+proto' }, body: '' }
  }
  return {
    status: failure instanceof HttpFailure ? failure.status : codeToHttpStatus(error.code),
    headers: { ...headers, 'content-type': contentTypeUnaryJson },
    body: JSON.stringify(errorToJson(error, JSON_OPTIONS))
  }
}
