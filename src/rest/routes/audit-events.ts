import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AuditEventPageSchema } from '../../../schemas/audit.js'
import { ref } from '../../../schemas/helpers.js'
import { AuditQuerySchema, IdParamsSchema, PageQuerySchema } from '../../../schemas/requests.js'
import type { Operations } from '../../kinds/operations.js'
import { goneOf } from '../../server/connection.js'
import { ListAuditEventsRequestSchema } from '../../gen/ectx/audit/v1/query_pb.js'

const tags = ['Audit']
const response = { 200: { description: 'A page of events, oldest first.', ...ref(AuditEventPageSchema) } }

/** Who did what: of one context, also when it is gone, and of all. */
export async function auditRoutes (instance: FastifyInstance, { operations }: { operations: Operations['auditEvents'] }): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()

  const send = async (request: FastifyRequest, reply: FastifyReply, query: MessageInitShape<typeof ListAuditEventsRequestSchema>) => {
    const call = { origin: request.origin, input: create(ListAuditEventsRequestSchema, query) }
    const { events, verified, nextPageToken } = await operations.list(call, goneOf(request))
    return reply.header('cache-control', 'no-store').send({ events, verified, next_page_token: nextPageToken })
  }

  app.get('/v1/execution-contexts/:id/audit', {
    schema: {
      operationId: 'listExecutionContextAuditEvents',
      tags,
      summary: 'List the audit events of a context',
      description: 'Who created, read, revealed and deleted the context, or was refused; for operators. Answers also when the context is gone.',
      params: IdParamsSchema,
      querystring: PageQuerySchema,
      'x-problems': [400, 401, 403, 429, 503],
      response
    }
  }, async (request, reply) => {
    const { page_size: pageSize, page_token: pageToken } = request.query
    return send(request, reply, { contextId: request.params.id, pageSize, pageToken })
  })

  app.get('/v1/audit-events', {
    schema: {
      operationId: 'listAuditEvents',
      tags,
      summary: 'List audit events',
      description: 'All events, or those of a context or an execution; for operators.',
      querystring: Type.Composite([AuditQuerySchema, PageQuerySchema], { additionalProperties: false }),
      'x-problems': [400, 401, 403, 429, 503],
      response
    }
  }, async (request, reply) => {
    const { context_id: contextId, execution_id: executionId, page_size: pageSize, page_token: pageToken } = request.query
    return send(request, reply, { contextId, executionId, pageSize, pageToken })
  })
}
