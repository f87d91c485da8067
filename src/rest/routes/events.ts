import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { EventPageSchema, EventsOfContextQuerySchema, EventsQuerySchema, LastEventIdSchema } from '../../../schemas/events.js'
import { ref } from '../../../schemas/helpers.js'
import { IdParamsSchema } from '../../../schemas/requests.js'
import { cloudEvent } from '../../events/cloud-event.js'
import { ListEventsRequestSchema, WatchEventsRequestSchema } from '../../gen/ectx/v1/events_pb.js'
import type { Operations } from '../../kinds/operations.js'
import { goneOf } from '../../server/connection.js'
import { HttpFailure } from '../../server/failure.js'
import type { Edge } from '../../server/transport.js'
import { HttpEventStream, JSON_LINES, SERVER_SENT_EVENTS, type StreamForm } from '../event-stream.js'
import { CONTEXTS } from './execution-contexts.js'

const tags = ['Events']
const response = {
  200: {
    description: 'The events. Streams go on until the client ends them, or the one context that they follow is gone: then with `event: end`.',
    content: {
      'application/json': { schema: ref(EventPageSchema) },
      'text/event-stream': { schema: Type.String({ description: 'Server-sent events, each a CloudEvent as JSON.' }) },
      'application/x-ndjson': { schema: Type.String({ description: 'A line for each CloudEvent, and empty ones.' }) }
    }
  }
}

interface Options {
  readonly operations: Operations['events']
  readonly edge: Edge
}

type Following = Omit<MessageInitShape<typeof ListEventsRequestSchema>, '$typeName'>

/** What happens to contexts: as streams, and as pages that can be waited for. */
export async function eventRoutes (instance: FastifyInstance, { operations, edge }: Options): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()

  const send = async (request: FastifyRequest, reply: FastifyReply, following: Following, { after, wait }: Asked) => {
    const position = request.headers['last-event-id'] || after
    const input = { ...following, after: position === 'now' ? '' : String(position ?? '') }
    const form = formOf(request, wait)
    if (form === undefined) return sendPage(request, reply, input, wait)
    const { origin } = request
    const stream = await operations.watch({ origin, input: create(WatchEventsRequestSchema, input) }, goneOf(request))
    reply.hijack()
    reply.raw.writeHead(200, {
      ...reply.getHeaders() as Record<string, string>,
      'content-type': form.contentType,
      'cache-control': 'no-store',
      // Proxies that gather answers would hold events back.
      'x-accel-buffering': 'no'
    })
    reply.raw.flushHeaders()
    const open = new HttpEventStream(reply.raw, form, stream, edge.mayStillCall(request))
    edge.streams.add(open)
    await open.run()
    edge.streams.remove(open)
  }

  const sendPage = async (request: FastifyRequest, reply: FastifyReply, following: Following, wait = '0s') => {
    const input = create(ListEventsRequestSchema, { ...following, wait: durationFromMs(parseInt(wait) * 1_000) })
    const { events, next } = await operations.list({ origin: request.origin, input }, goneOf(request))
    return reply
      .header('content-type', 'application/json; charset=utf-8')
      .header('cache-control', 'no-store')
      .send(`{"events":[${events.map(cloudEvent).join(',')}],"next":${JSON.stringify(next)}}`)
  }

  app.get(`${CONTEXTS}/:id/events`, {
    exposeHeadRoute: false,
    schema: {
      operationId: 'listExecutionContextEvents',
      tags,
      summary: 'Follow the events of a context',
      description: 'What happens to the context, until it is gone; for operators, viewers and its own run token. With `Accept: text/event-stream`, or none, as server-sent events; as lines of JSON, or as a page that `wait` waits for.',
      params: IdParamsSchema,
      querystring: EventsOfContextQuerySchema,
      headers: LastEventIdSchema,
      'x-problems': [400, 401, 403, 404, 410, 429, 503],
      response
    }
  }, async (request, reply) => send(request, reply, { id: request.params.id, types: request.query.type ?? [] }, request.query))

  app.get('/v1/events', {
    exposeHeadRoute: false,
    schema: {
      operationId: 'listEvents',
      tags,
      summary: 'Follow the events of all contexts',
      description: 'What happens to contexts: to all, or those of an execution; for operators and viewers. In the same forms as the events of one context.',
      querystring: EventsQuerySchema,
      headers: LastEventIdSchema,
      'x-problems': [400, 401, 403, 410, 429, 503],
      response
    }
  }, async (request, reply) => {
    const { execution_id: executionId, kind, type: types = [] } = request.query
    return send(request, reply, { executionId, kind, types }, request.query)
  })
}

interface Asked {
  readonly after?: string
  readonly wait?: string
}

/** The form of a stream that the client accepts; `undefined` where it wants a page, as who waits for one does. */
function formOf ({ headers: { accept = '*/*' } }: FastifyRequest, wait: string | undefined): StreamForm | undefined {
  const types = accept.toLowerCase().split(',').map(type => type.split(';', 1)[0]!.trim())
  const wanted = types.find(type => type in FORMS)
  if (wanted !== undefined) return FORMS[wanted]
  if (types.some(type => type === '*/*' || type === 'text/*')) return wait === undefined ? SERVER_SENT_EVENTS : undefined
  if (types.includes('application/*')) return undefined
  throw new HttpFailure(406, 'invalid_argument', `accept one of ${Object.keys(FORMS).join(', ')}`)
}

const FORMS: Readonly<Record<string, StreamForm | undefined>> = {
  'text/event-stream': SERVER_SENT_EVENTS,
  'application/x-ndjson': JSON_LINES,
  'application/json': undefined
}
