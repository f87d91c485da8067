import type { OpenAPIV3 } from 'openapi-types'
import { API_VERSION, KIND } from '../../schemas/execution-context.js'
import { GatewayError, invalidArgument, type Code } from '../errors.js'
import { BODY_TOO_LARGE } from './body-limit.js'
import { failure, toProblem } from './problem.js'

// What the OpenAPI document has beside the routes' own schemas.

const ID = 'exec-01m7yq1we0ras12e9q0c426n0n'
const REQUEST_ID = '1f9d4c0e-8a53-4c55-9d0e-6a9a3b0f7c21'

/** Prefilled in Swagger UI for create and apply: a fresh gateway answers it 201. */
export const REQUEST_EXAMPLE = {
  metadata: { name: 'Nightly import 42', labels: { team: 'data' } },
  spec: {
    execution_id: 'wfx-42',
    data: {
      REGION: { value: 'eu-central-1', is_secret: false },
      API_TOKEN: { value: 'not-a-real-token', is_secret: true }
    }
  }
}

const audit = {
  created_by: { id: 'system' },
  created_at: '2026-11-21T09:30:00.000Z',
  updated_by: { id: 'system' },
  updated_at: '2026-11-21T09:30:00.000Z',
  event: 'created'
}

const { name, ...others } = REQUEST_EXAMPLE.metadata

/** What is answered where all is well, by the tag of the operation. */
export const RESPONSE_EXAMPLES: Readonly<Record<string, object>> = {
  ExecutionContexts: {
    api_version: API_VERSION,
    kind: KIND,
    metadata: { name, slug: 'nightly-import-42', id: ID, ...others },
    spec: REQUEST_EXAMPLE.spec,
    status: { audit: { spec_audit: audit, status_audit: audit } }
  },
  Audit: {
    events: [{
      sequence: 1042,
      previous: '5f9c1b0d7c3c4f0e9a8b7d6c5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f',
      time: '2026-11-21T09:30:00.000Z',
      event: 'revealed',
      caller: { name: 'runner', kind: 'token' },
      operation: 'get',
      context_id: ID,
      slug: 'nightly-import-42',
      execution_id: REQUEST_EXAMPLE.spec.execution_id,
      keys: ['API_TOKEN'],
      request_id: REQUEST_ID,
      remote_address: '127.0.0.1',
      outcome: 'ok'
    }]
  },
  Health: { status: 'ok' }
}

export const SECURITY_SCHEMES: Record<string, OpenAPIV3.SecuritySchemeObject> = {
  bearerAuth: {
    type: 'http',
    scheme: 'bearer',
    description: 'A static token, a JWT of the configured issuer, or the run token of a context. Without configured credentials: none.'
  }
}

const header = (description: string, example: string | number): OpenAPIV3.HeaderObject =>
  ({ description, schema: { type: typeof example === 'number' ? 'integer' : 'string' }, example })

export const HEADERS: Record<string, OpenAPIV3.HeaderObject> = {
  ETag: header('Names this state of the context; for `If-None-Match` and `If-Match`.', `"${ID}.1.full"`),
  Location: header('The path of the new context.', `/v1/execution-contexts/${ID}`),
  'Retry-After': header('Seconds to wait before trying again.', 1),
  'WWW-Authenticate': header('How to show who calls.', 'Bearer realm="ectx"'),
  'X-Request-Id': header('Names this request in the log: as it was sent, where that is 1 to 128 letters, digits and `-._~`, else made here.', REQUEST_ID)
}

const contexts = '/v1/execution-contexts'
const error = (code: Code, message: string) => new GatewayError(code, message)

const EXAMPLES: Record<number, [description: string, path: string, error: GatewayError]> = {
  400: ['The request is not valid: `errors` lists all that is wrong.', contexts, invalidArgument([
    { pointer: '/metadata/owner_scope', detail: 'ExecutionContext owner_scope must be unspecified (operator-managed resource)' },
    { pointer: '/spec/execution_id', detail: 'is required' }
  ])],
  401: ['The credentials are missing or not valid.', contexts, error('unauthenticated', 'the credentials are not valid; send "Authorization: Bearer <token>" with a token that is in force')],
  403: ['The caller may not do this, whether or not there is such a context.', contexts, error('permission_denied', 'unauthorized to create Execution Context (operator-only action)')],
  404: ['There is no such context.', `${contexts}/${ID}`, error('not_found', `no ExecutionContext with id '${ID}'`)],
  409: ['The slug is taken: `existing_id` says by which context.', contexts, new GatewayError('already_exists', "ExecutionContext with slug 'nightly-import-42' already exists", { existingId: ID })],
  412: ['The context has none of the given ETags.', `${contexts}/${ID}`, error('failed_precondition', `ExecutionContext '${ID}' has another revision than the ones given; read it again`)],
  413: [`${BODY_TOO_LARGE.replace('the', 'The')}: no context that keeps to the limits of its fields is, however its JSON is escaped.`, contexts, error('resource_exhausted', BODY_TOO_LARGE)],
  415: ['The body is not sent as `application/json`.', contexts, error('invalid_argument', 'send the body as Content-Type: application/json')],
  429: ['The caller makes too many requests: try again after `Retry-After` seconds.', contexts, new GatewayError('resource_exhausted', 'this caller makes more than 60000 requests a minute; wait before the next', { retryAfterSeconds: 1 })],
  431: ['The headers are larger than 16 KiB.', '/', error('resource_exhausted', 'the headers are larger than 16 KiB')],
  503: ['The gateway cannot do its work now: try again.', '/readyz', error('unavailable', 'the store cannot work now; try again, and see the log for its reason')]
}

const problem = (description: string, path: string, error: GatewayError, status?: number): OpenAPIV3.ResponseObject => ({
  description,
  headers: {
    'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' },
    ...(error.code === 'unauthenticated' && { 'WWW-Authenticate': { $ref: '#/components/headers/WWW-Authenticate' } }),
    ...((error.code === 'unavailable' || error.retryAfterSeconds !== undefined) && { 'Retry-After': { $ref: '#/components/headers/Retry-After' } })
  },
  content: {
    'application/problem+json': {
      schema: { $ref: '#/components/schemas/Problem' },
      example: toProblem(failure(error, status), REQUEST_ID, path)
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
  Problem: problem('Anything else that went wrong.', contexts, error('internal', 'an unexpected error happened; the log has it under this request_id')),
  ...Object.fromEntries(Object.entries(EXAMPLES).map(([status, [description, path, error]]) =>
    [`Problem${status}`, problem(description, path, error, Number(status))]))
}
