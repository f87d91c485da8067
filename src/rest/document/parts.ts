import { errorCodes } from 'fastify'
import type { OpenAPIV3 } from 'openapi-types'
import { REQUEST_ID_PATTERN } from '../../../schemas/problem.js'
import { GatewayError, invalidArgument, type Code } from '../../errors.js'
import { tooLarge } from '../../server/bodies.js'
import { failureOfParser, HttpFailure, toFailure } from '../../server/failure.js'
import { BODY_LIMIT } from '../input/body-limit.js'
import { ETAG, ID, POSITION, REQUEST_ID } from './examples.js'
import { toProblem } from '../problem.js'

// What the OpenAPI document has beside the routes' own schemas.

export const SECURITY_SCHEMES: Record<string, OpenAPIV3.SecuritySchemeObject> = {
  bearerAuth: {
    type: 'http',
    scheme: 'bearer',
    description: 'A static token, a JWT of the configured issuer, or the run token of a context. Without configured credentials: none.'
  }
}

const header = (description: string, example: string | number, pattern?: string): OpenAPIV3.HeaderObject =>
  ({ description, schema: typeof example === 'number' ? { type: 'integer', format: 'int32' } : { type: 'string', pattern }, example })

export const HEADERS: Record<string, OpenAPIV3.HeaderObject> = {
  ETag: header('Names this state of the context; for `If-None-Match` and `If-Match`.', ETAG),
  'Idempotent-Replayed': header('`true` where an earlier request with this `Idempotency-Key` made the context.', 'true'),
  Location: header('The path of the new context.', `/v1/execution-contexts/${ID}`),
  'Retry-After': header('Seconds to wait before trying again.', 1),
  'WWW-Authenticate': header('How to show who calls.', 'Bearer realm="ectx"'),
  'X-Request-Id': header(
    'Names this request in the log: as it was sent, where that is 1 to 128 letters, digits and `-._~`, else made here.',
    REQUEST_ID,
    REQUEST_ID_PATTERN
  )
}

/** What every operation takes. No pattern: one that is not well-formed is not refused, but another is made in its place. */
export const PARAMETERS: Record<string, OpenAPIV3.ParameterObject> = {
  RequestId: {
    name: 'X-Request-Id',
    in: 'header',
    required: false,
    description: 'Your own name for this request, to find it in the log: 1 to 128 letters, digits and `-._~`. Of anything else, and where it is left out, one is made here.',
    schema: { type: 'string' },
    example: REQUEST_ID
  }
}

/** Labels have any names, which no schema of a route can list. */
export const LABELS: OpenAPIV3.ParameterObject = {
  name: 'label',
  in: 'query',
  required: false,
  style: 'deepObject',
  explode: true,
  description: 'Only contexts with all of these labels: `label[team]=data`, or `label.team=data`.',
  schema: { type: 'object', additionalProperties: { type: 'string', maxLength: 253 } },
  example: { team: 'data' }
}

const CONTEXT_ID = { id: '$response.body#/metadata/id' }

/** What can be done with a context that was created, by its id or its slug. */
export const LINKS: Record<string, OpenAPIV3.LinkObject> = {
  Get: { operationId: 'getExecutionContext', parameters: CONTEXT_ID, description: 'Reads the context.' },
  GetByReference: {
    operationId: 'getExecutionContextByReference',
    parameters: { slug: '$response.body#/metadata/slug' },
    description: 'Reads the context by its slug.'
  },
  Heartbeat: {
    operationId: 'heartbeatExecutionContext', parameters: CONTEXT_ID, description: 'Keeps the context for its lease from now on.'
  },
  GetEnv: { operationId: 'getExecutionContextEnv', parameters: CONTEXT_ID, description: 'Reads its values as an environment.' },
  Delete: { operationId: 'deleteExecutionContext', parameters: CONTEXT_ID, description: 'Deletes the context.' },
  ListAuditEvents: {
    operationId: 'listExecutionContextAuditEvents',
    parameters: CONTEXT_ID,
    description: 'Lists who did what to the context.'
  }
}

const BODY_TOO_LARGE = tooLarge(BODY_LIMIT)
const contexts = '/v1/execution-contexts'
const error = (code: Code, message: string) => new GatewayError(code, message)

const EXAMPLES: Record<number, [description: string, path: string, error: GatewayError]> = {
  400: ['The request is not valid: `errors` lists all that is wrong.', contexts, invalidArgument([
    { pointer: '/metadata/owner_scope', detail: 'ExecutionContext owner_scope must be unspecified (operator-managed resource)' },
    { pointer: '/spec/execution_id', detail: 'is required' }
  ])],
  401: [
    'The credentials are missing or not valid.',
    contexts,
    error(
      'unauthenticated',
      'credentials are needed: send "Authorization: Bearer <token>" with a static token, a JWT or the run token of the context'
    )
  ],
  403: [
    'The caller may not do this, whether or not there is such a context.',
    contexts,
    error('permission_denied', 'unauthorized to create Execution Context (operator-only action)')
  ],
  404: ['There is no such context.', `${contexts}/${ID}`, error('not_found', `no ExecutionContext with id '${ID}'`)],
  409: [
    'The slug is taken: `existing_id` says by which context. Or the first request with this `Idempotency-Key` still runs, or what it made is gone.',
    contexts,
    new GatewayError('already_exists', "ExecutionContext with slug 'nightly-import-42' already exists", { existingId: ID })
  ],
  410: [
    'What came after that position is no longer kept: read the contexts anew, and go on after the position that `detail` names.',
    '/v1/events',
    error(
      'out_of_range',
      `what came after that position is no longer kept, and would be missed: go on after '${POSITION}', the oldest position`
    )
  ],
  412: [
    'The context has none of the given ETags.',
    `${contexts}/${ID}`,
    error('failed_precondition', `ExecutionContext '${ID}' has another revision than the ones given; read it again`)
  ],
  413: [
    `${BODY_TOO_LARGE.replace('the', 'The')}: no context that keeps to the limits of its fields is, however its JSON is escaped.`,
    contexts,
    new HttpFailure(413, 'resource_exhausted', BODY_TOO_LARGE)
  ],
  415: [
    'The body is not sent plain, as `application/json` in UTF-8.',
    contexts,
    toFailure(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE())
  ],
  422: [
    'The `Idempotency-Key` was sent with another body before (`idempotency_key_reused`), or the format cannot hold some of the values (`not_representable`). `errors` says where.',
    `${contexts}/${ID}/env`,
    new GatewayError(
      'not_representable',
      '1 of the values cannot be written as docker: use another format, or leave them out by keys= or prefix=',
      { violations: [{ pointer: '/spec/data/TLS_KEY', detail: 'has line ends' }] }
    )
  ],
  429: [
    'The caller makes too many requests: try again after `Retry-After` seconds.',
    contexts,
    new GatewayError(
      'resource_exhausted',
      'this caller makes more than 60000 requests a minute; wait before the next',
      { retryAfterSeconds: 1 }
    )
  ],
  431: ['The headers are larger than 16 KiB.', '/', failureOfParser('HPE_HEADER_OVERFLOW')],
  503: [
    'The gateway cannot do its work now: try again.',
    '/readyz',
    error('unavailable', 'the store cannot work now; try again, and see the log for its reason')
  ]
}

const problem = (description: string, path: string, error: GatewayError): OpenAPIV3.ResponseObject => ({
  description,
  headers: {
    'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' },
    ...(error.code === 'unauthenticated' && { 'WWW-Authenticate': { $ref: '#/components/headers/WWW-Authenticate' } }),
    ...((error.code === 'unavailable' || error.retryAfterSeconds !== undefined) && {
      'Retry-After': { $ref: '#/components/headers/Retry-After' }
    })
  },
  content: {
    'application/problem+json': {
      schema: { $ref: '#/components/schemas/Problem' },
      example: toProblem(error, REQUEST_ID, path)
    }
  }
})

/** The answers that are no success, by the name of their component. */
export const PROBLEMS: Record<string, OpenAPIV3.ResponseObject> = {
  NotModified: {
    description: 'The context has one of the given ETags. There is no body.',
    headers: {
      ETag: { $ref: '#/components/headers/ETag' },
      'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' }
    }
  },
  Problem: problem(
    'Anything else that went wrong.',
    contexts,
    error('internal', 'an unexpected error happened; the log has it under this request_id')
  ),
  ...Object.fromEntries(Object.entries(EXAMPLES).map(([status, [description, path, error]]) =>
    [`Problem${status}`, problem(description, path, error)]))
}
