import { create } from '@bufbuild/protobuf'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { map, ref } from '../../../schemas/helpers.js'
import { ExecutionContextLeaseSchema } from '../../../schemas/lists.js'
import { EnvQuerySchema, IdParamsSchema, NoQuerySchema } from '../../../schemas/requests.js'
import { ExecutionContextIdSchema } from '../../gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import { EnvFormat, GetEnvRequestSchema } from '../../gen/ectx/v1/execution_context_pb.js'
import { invalidArgument } from '../../errors.js'
import type { Operations } from '../../kinds/operations.js'
import { goneOf } from '../../server/connection.js'
import { CONTEXTS } from './execution-contexts.js'

const tags = ['ExecutionContexts']

/** Whether there is no body, or one that asks for nothing, as some clients send. */
const isNothing = (body: unknown) => body === undefined || JSON.stringify(body) === '{}'

/** What a run does with its context: say that it still runs, and take all values for its environment. */
export async function executionContextRunRoutes (
  instance: FastifyInstance,
  { operations }: { operations: Operations['executionContexts'] }
): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()

  app.post(`${CONTEXTS}/:id/heartbeat`, {
    schema: {
      operationId: 'heartbeatExecutionContext',
      tags,
      summary: 'Keep a context that has a lease',
      description: 'From now on the context lives for its `spec.lease`, within its time to live; for operators and its own run token. Once it is gone nothing brings it back. Neither the context nor its ETag changes.',
      params: IdParamsSchema,
      querystring: NoQuerySchema,
      'x-problems': [400, 401, 403, 404, 415, 429, 503],
      response: { 200: { description: 'How long it is kept.', ...ref(ExecutionContextLeaseSchema) } }
    }
  }, async (request, reply) => {
    if (!isNothing(request.body)) throw invalidArgument([{ pointer: '', detail: 'must be left out: nothing can be said here' }])
    const input = create(ExecutionContextIdSchema, { value: request.params.id })
    const { leaseExpireTime, expireTime } = await operations.heartbeat({ origin: request.origin, input }, goneOf(request))
    reply.header('cache-control', 'no-store')
    return { lease_expire_time: new Date(leaseExpireTime).toISOString(), expire_time: new Date(expireTime).toISOString() }
  })

  app.get(`${CONTEXTS}/:id/env`, {
    // Whoever asks for the head alone would be shown nothing, and the audit log would say that secrets were revealed.
    exposeHeadRoute: false,
    schema: {
      operationId: 'getExecutionContextEnv',
      tags,
      summary: 'Get the values of a context as an environment',
      description: 'All values by name, secrets too, ready for a step to take; for operators and its own run token. What the format cannot hold is named by a 422, and can be left out by `keys` or `prefix`.',
      params: IdParamsSchema,
      querystring: EnvQuerySchema,
      'x-problems': [400, 401, 403, 404, 422, 429, 503],
      response: {
        200: {
          description: 'The environment.',
          content: {
            'application/json': { schema: map(Type.String(), { description: 'The values by name.' }) },
            'text/plain': { schema: Type.String({ description: 'The values in the format that was asked for.' }) }
          }
        }
      }
    }
  }, async (request, reply) => {
    const { format = 'json', prefix, keys, version } = request.query
    const input = create(GetEnvRequestSchema, { id: request.params.id, format: EnvFormat[format], prefix, keys, version })
    const { text } = await operations.exportEnv({ origin: request.origin, input }, goneOf(request))
    const type = format === 'json' ? 'application/json' : 'text/plain'
    return reply.header('content-type', `${type}; charset=utf-8`).header('cache-control', 'no-store').send(text)
  })
}
