import { Readable } from 'node:stream'
import { create, fromJson, type JsonObject } from '@bufbuild/protobuf'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  API_VERSION, ExecutionContextInputSchema, ExecutionContextSchema, KIND, RotateExecutionContextRequestSchema
} from '../../../schemas/execution-context.js'
import { ref } from '../../../schemas/helpers.js'
import {
  CreateQuerySchema,
  DeleteQuerySchema,
  IdempotencyKeySchema,
  IdParamsSchema,
  IfMatchSchema,
  IfNoneMatchSchema,
  ReferenceQuerySchema,
  ShredQuerySchema,
  VersionQuerySchema,
  ViewQuerySchema
} from '../../../schemas/requests.js'
import type { Operations } from '../../kinds/operations.js'
import type { Answer, Reading } from '../../resource/answer.js'
import * as proto from '../../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { ExecutionContextIdSchema } from '../../gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import { ApiResourceKind } from '../../gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import { ApiResourceDeleteInputSchema, ApiResourceReferenceSchema } from '../../gen/ai/stigmer/commons/apiresource/io_pb.js'
import { ApiResourceOwnerScope } from '../../gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import { RotateExecutionContextRequestSchema as Rotation } from '../../gen/ectx/v1/execution_context_pb.js'
import type { Shown, View } from '../../resource/call.js'
import { parseIdempotencyKey } from '../../resource/idempotency.js'
import { goneOf } from '../../server/connection.js'
import { etagOf, heldBy, revisionsIn } from '../etag.js'

export const CONTEXTS = '/v1/execution-contexts'
const CLOSED = { additionalProperties: false }
const tags = ['ExecutionContexts']
const answer = (description: string) => ({ description, ...ref(ExecutionContextSchema) })
/** What create and apply take and answer alike. */
const creating = {
  querystring: CreateQuerySchema,
  headers: IdempotencyKeySchema,
  body: ref(ExecutionContextInputSchema),
  'x-problems': [400, 401, 403, 409, 413, 415, 422, 429, 503],
  response: { 201: answer('The context, as it is stored.') }
}

/** One route for each operation: what it takes from HTTP, and how it answers. All else is the operation's. */
export async function executionContextRoutes (
  instance: FastifyInstance,
  { operations }: { operations: Operations['executionContexts'] }
): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()

  app.post(CONTEXTS, {
    schema: {
      operationId: 'createExecutionContext',
      tags,
      summary: 'Create a context',
      description: 'Stores the configuration and secrets of a run; for operators. The slug is `metadata.slug`, else it is made from `metadata.name`; it must be free. When this answers 201 the context is durable.',
      ...creating
    }
  }, async (request, reply) => sendCreated(reply, await operations.create(createCall(request), goneOf(request))))

  app.post(`${CONTEXTS}/apply`, {
    schema: {
      operationId: 'applyExecutionContext',
      tags,
      summary: 'Apply a context',
      description: 'Creates the context where its slug is free; for operators. A context is immutable, so one that exists stays as it is, and the answer is 409 `already_exists`.',
      ...creating
    }
  }, async (request, reply) => sendCreated(reply, await operations.apply(createCall(request), goneOf(request))))

  app.get(`${CONTEXTS}/by-reference`, {
    schema: {
      operationId: 'getExecutionContextByReference',
      tags,
      summary: 'Get a context by reference',
      description: 'Reads a context by its slug. Where `If-None-Match` has its ETag the answer is 304, without a body.',
      querystring: Type.Composite([ReferenceQuerySchema, ViewQuerySchema], CLOSED),
      headers: IfNoneMatchSchema,
      'x-problems': [400, 401, 403, 404, 429, 503],
      response: { 200: answer('The context.') }
    }
  }, async (request, reply) => {
    const { slug, org, version, kind = 'api_resource_kind_unknown', scope = 'api_resource_owner_scope_unspecified' } = request.query
    const named = { kind: ApiResourceKind[kind], scope: ApiResourceOwnerScope[scope] }
    const input = create(ApiResourceReferenceSchema, { slug, org, version, ...named })
    return sendReading(reply, await operations.getByReference(readCall(request, input), goneOf(request)))
  })

  app.get(`${CONTEXTS}/:id`, {
    schema: {
      operationId: 'getExecutionContext',
      tags,
      summary: 'Get a context',
      description: 'Reads a context by its id, as it is or, with `version`, as it was before a rotation. Where `If-None-Match` has its ETag the answer is 304, without a body.',
      params: IdParamsSchema,
      querystring: Type.Composite([VersionQuerySchema, ViewQuerySchema], CLOSED),
      headers: IfNoneMatchSchema,
      'x-problems': [400, 401, 403, 404, 429, 503],
      response: { 200: answer('The context.') }
    }
  }, async (request, reply) => {
    const input = create(ExecutionContextIdSchema, { value: request.params.id, version: request.query.version })
    return sendReading(reply, await operations.get(readCall(request, input), goneOf(request)))
  })

  app.post(`${CONTEXTS}/:id/rotate`, {
    schema: {
      operationId: 'rotateExecutionContext',
      tags,
      summary: 'Give secrets of a context new values',
      description: 'New values for secrets that the context has, and nothing else; for operators. `metadata.version`, the audit and the ETag move on. The values of before can be read by the id of their version for `grace`. With `If-Match` it is done only where the context has one of those ETags; without, it is done to whatever there is.',
      params: IdParamsSchema,
      querystring: ViewQuerySchema,
      headers: Type.Composite([IfMatchSchema, IdempotencyKeySchema]),
      body: ref(RotateExecutionContextRequestSchema),
      'x-problems': [400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 503],
      response: { 200: answer('The context, with its new values.') }
    }
  }, async (request, reply) => {
    const { id } = request.params
    const input = fromJson(Rotation, { ...request.body, id } as JsonObject)
    const { origin, headers, query: { view: requestedView } } = request
    const onlyRevisions = revisionsIn(headers['if-match'], id)
    const call = { origin, input, requestedView, onlyRevisions, idempotencyKey: idempotencyKeyIn(headers) }
    return sendChanged(reply, await operations.rotate(call, goneOf(request)))
  })

  app.delete(`${CONTEXTS}/:id`, {
    schema: {
      operationId: 'deleteExecutionContext',
      tags,
      summary: 'Delete a context',
      description: 'Deletes a context and answers it as it was; of many who try at once exactly one succeeds. With `If-Match` it is deleted only where it has one of those ETags.',
      params: IdParamsSchema,
      querystring: Type.Composite([DeleteQuerySchema, ShredQuerySchema, ViewQuerySchema], CLOSED),
      headers: IfMatchSchema,
      'x-problems': [400, 401, 403, 404, 412, 429, 503],
      response: { 200: answer('The context, as it was.') }
    }
  }, async (request, reply) => {
    const { id } = request.params
    const input = create(ApiResourceDeleteInputSchema, { resourceId: id, versionMessage: request.query.version_message })
    const onlyRevisions = revisionsIn(request.headers['if-match'], id)
    const call = { origin: request.origin, input, requestedView: request.query.view, onlyRevisions, shreds: request.query.shred === true }
    return send(reply, await operations.delete(call, goneOf(request)))
  })
}

type Asking = Pick<FastifyRequest, 'origin'> & { query: { view?: View } }

// Each is spelled out, and not another with one more: `Pipeline.run` says what that would cost.
const readCall = <Input>(request: Asking & Pick<FastifyRequest, 'headers' | 'method'>, input: Input) => ({
  origin: request.origin,
  input,
  requestedView: request.query.view,
  held: heldBy(request.headers['if-none-match']),
  sizeOnly: request.method === 'HEAD'
})

const createCall = (request: Asking & Pick<FastifyRequest, 'headers'> & { body: object, query: { run_token?: boolean } }) => ({
  origin: request.origin,
  input: toMessage(request.body),
  requestedView: request.query.view,
  wantsRunToken: request.query.run_token === true,
  idempotencyKey: idempotencyKeyIn(request.headers)
})

function idempotencyKeyIn ({ 'idempotency-key': header }: FastifyRequest['headers']): string | undefined {
  return header === undefined ? undefined : parseIdempotencyKey(String(header))
}

/** `api_version` and `kind` may be left out of a request: there is only one of each here. */
const toMessage = (body: object): proto.ExecutionContext =>
  fromJson(proto.ExecutionContextSchema, { api_version: API_VERSION, kind: KIND, ...body } as JsonObject)

const send = (reply: FastifyReply, answer: Answer<unknown>) => withHeaders(reply, answer).send(answer.json)

const withHeaders = (reply: FastifyReply, shown: Shown) => reply
  .header('content-type', 'application/json; charset=utf-8')
  .header('cache-control', 'no-store')
  .header('etag', etagOf(shown))

const sendCreated = (reply: FastifyReply, answer: Answer<unknown>) =>
  sendChanged(reply.code(201).header('location', `${CONTEXTS}/${answer.id}`), answer)

function sendChanged (reply: FastifyReply, answer: Answer<unknown>) {
  if (answer.isReplayed) reply.header('idempotent-replayed', 'true')
  return send(reply, answer)
}

function sendReading (reply: FastifyReply, reading: Reading<unknown>) {
  if ('json' in reading) return send(reply, reading)
  // Fastify would answer a HEAD with the size of whatever is sent here but a stream.
  const nothing = reply.request.method === 'HEAD' ? Readable.from([]) : undefined
  if (reading.bytes !== undefined) return withHeaders(reply, reading).header('content-length', reading.bytes).send(nothing)
  return reply.code(304).header('cache-control', 'no-store').header('etag', etagOf(reading)).send(nothing)
}
