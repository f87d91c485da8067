import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ref } from '../../../schemas/helpers.js'
import {
  BatchGetExecutionContextsRequestSchema,
  ExecutionContextBatchSchema,
  DeletedExecutionContextsSchema,
  ExecutionContextPageSchema
} from '../../../schemas/lists.js'
import {
  ExecutionListQuerySchema,
  ExecutionParamsSchema,
  LABEL_PARAMETER,
  ListQuerySchema,
  ShredQuerySchema,
  ViewQuerySchema
} from '../../../schemas/requests.js'
import * as proto from '../../gen/ectx/v1/execution_context_pb.js'
import { invalidArgument } from '../../errors.js'
import type { Operations } from '../../kinds/operations.js'
import type { Answer } from '../../resource/answer.js'
import { goneOf } from '../../server/connection.js'
import { CONTEXTS } from './execution-contexts.js'

const OF_EXECUTION = '/v1/executions/:execution_id/execution-contexts'
const tags = ['ExecutionContexts']
const listing = {
  'x-labels': true,
  'x-problems': [400, 401, 403, 429, 503],
  response: { 200: { description: 'A page of contexts, newest first.', ...ref(ExecutionContextPageSchema) } }
}

/** Many contexts at once: lists, all of an execution, and batches. */
export async function executionContextListRoutes (
  instance: FastifyInstance,
  { operations }: { operations: Operations['executionContexts'] }
): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()

  const sendPage = async (request: FastifyRequest, reply: FastifyReply, executionId: string | undefined, asked: Asked) => {
    const input = create(proto.ListExecutionContextsRequestSchema, {
      executionId,
      labels: labelsIn(asked),
      createdBy: asked.created_by,
      expiresBefore: asked.expires_before === undefined ? undefined : timestampFromDate(new Date(asked.expires_before)),
      pageSize: asked.page_size,
      pageToken: asked.page_token
    })
    const { answers, nextPageToken, damaged } = await operations.list({ origin: request.origin, input }, goneOf(request))
    const more = { next_page_token: nextPageToken, damaged: damaged.length > 0 ? damaged : undefined }
    return sendMany(reply, answers, more)
  }

  app.get(CONTEXTS, {
    schema: {
      operationId: 'listExecutionContexts',
      tags,
      summary: 'List contexts',
      description: 'The contexts that have all that is asked for, without their secrets. Who has a run token sees its own context alone. A page may be short, or empty, though another follows: only the last has no `next_page_token`.',
      querystring: ListQuerySchema,
      ...listing
    }
  }, async (request, reply) => sendPage(request, reply, request.query.execution_id, request.query))

  app.get(OF_EXECUTION, {
    schema: {
      operationId: 'listExecutionContextsOfExecution',
      tags,
      summary: 'List the contexts of an execution',
      description: 'The same list, of one execution.',
      params: ExecutionParamsSchema,
      querystring: ExecutionListQuerySchema,
      ...listing
    }
  }, async (request, reply) => sendPage(request, reply, request.params.execution_id, request.query))

  app.delete(OF_EXECUTION, {
    schema: {
      operationId: 'deleteExecutionContextsOfExecution',
      tags,
      summary: 'Delete the contexts of an execution',
      description: 'Deletes all that the execution has when this begins; for operators, and for the hook that runs when an execution is over. To repeat it is no mistake.',
      params: ExecutionParamsSchema,
      querystring: ShredQuerySchema,
      'x-problems': [400, 401, 403, 412, 429, 503],
      response: { 200: { description: 'Which contexts this deleted.', ...ref(DeletedExecutionContextsSchema) } }
    }
  }, async (request, reply) => {
    // Not to be passed over: somebody means to delete less.
    if (request.headers['if-match'] !== undefined) {
      throw invalidArgument([{ pointer: '/If-Match', detail: 'is for one context: delete it by its id' }])
    }
    const input = create(proto.DeleteExecutionContextsRequestSchema, { executionId: request.params.execution_id })
    const call = { origin: request.origin, input, shreds: request.query.shred === true }
    const deleted = await operations.deleteByExecution(call, goneOf(request))
    return reply.header('cache-control', 'no-store').send({ deleted })
  })

  app.post(`${CONTEXTS}/batch-get`, {
    schema: {
      operationId: 'batchGetExecutionContexts',
      tags,
      summary: 'Get many contexts',
      description: 'Reads up to 100 contexts by their ids; for operators. An id that is given twice is answered once.',
      querystring: ViewQuerySchema,
      body: ref(BatchGetExecutionContextsRequestSchema),
      'x-problems': [400, 401, 403, 413, 415, 429, 503],
      response: {
        200: {
          description: 'Those that there are, and the ids of those that there are not.',
          ...ref(ExecutionContextBatchSchema)
        }
      }
    }
  }, async (request, reply) => {
    const input = create(proto.BatchGetExecutionContextsRequestSchema, request.body)
    const call = { origin: request.origin, input, requestedView: request.query.view }
    const { answers, notFound } = await operations.getBatch(call, goneOf(request))
    return sendMany(reply, answers, { not_found: notFound })
  })
}

interface Asked {
  readonly created_by?: string
  readonly expires_before?: string
  readonly page_size?: number
  readonly page_token?: string
}

/** The labels that a query asks for; one that is there twice has both values to have. */
const labelsIn = (query: object) => Object.entries(query).flatMap(([parameter, values]) => {
  const [, dotted, inBrackets] = LABEL_PARAMETER.exec(parameter) ?? []
  const name = dotted ?? inBrackets
  return name === undefined ? [] : [values].flat().map(value => ({ name, value }))
})

/** Resources are JSON already: `more` is what stands beside them. */
const sendMany = (reply: FastifyReply, answers: ReadonlyArray<Answer<unknown>>, more: object) => reply
  .header('content-type', 'application/json; charset=utf-8')
  .header('cache-control', 'no-store')
  .send(`{"execution_contexts":[${answers.map(({ json }) => json).join(',')}]${inner(more)}}`)

function inner (more: object): string {
  const json = JSON.stringify(more).slice(1, -1)
  return json === '' ? '' : `,${json}`
}
