import { Type } from '@sinclair/typebox'
import { AuditCallerSchema } from './audit.js'
import { output, ref, rules, sharedEnum } from './helpers.js'
import { ApiResourceMetadataVersionSchema } from './metadata.js'
import { ONE_LINE_PATTERN } from './text.js'

/** What happens to a resource; the last three are its end. */
export const RESOURCE_EVENTS = ['created', 'rotated', 'heartbeat_missed', 'expired', 'deleted'] as const

export const ResourceEventTypeSchema = sharedEnum('ResourceEventType', RESOURCE_EVENTS, {
  description: 'What happened. The last three are the end of a context: a heartbeat did not come, its time to live was over, or somebody deleted it.'
})

export const ResourceEventSchema = output('ResourceEvent', {
  kind: Type.String({ description: 'Of resource: `execution_context`.' }),
  id: Type.String({ description: 'The id of the resource.' }),
  slug: Type.Optional(Type.String({ description: 'Its slug.' })),
  scope: Type.Optional(Type.String({ description: 'Where the slug is unique; left out where that is everywhere.' })),
  execution_id: Type.Optional(Type.String({ description: 'Its `spec.execution_id`.' })),
  caller: ref(AuditCallerSchema),
  request_id: Type.Optional(Type.String({ description: 'The `X-Request-Id` of who brought it about.' })),
  version: Type.Optional(ref(ApiResourceMetadataVersionSchema)),
  keys: Type.Optional(Type.Array(Type.String(), {
    description: 'With `rotated`: the names of the secrets that have new values, as many as take 4 KiB.'
  })),
  keys_left_out: Type.Optional(Type.Integer({ format: 'int64', minimum: 1, description: 'How many more have new values.' }))
}, { description: 'What is told of a resource. Names values by their keys and never holds one.' })

export const CloudEventSchema = output('CloudEvent', {
  specversion: Type.String({ description: 'Of CloudEvents: `1.0`.' }),
  id: Type.String({ description: 'Its position: `after` takes it.' }),
  source: Type.String({ description: 'What it comes from.' }),
  type: Type.String({
    description: 'What happened: `ai.stigmer.agentic.executioncontext.v1.` and `created`, `rotated`, `heartbeat_missed`, `expired` or `deleted`; or `lost`, where the gateway has lost an event, of whatever context.'
  }),
  subject: Type.Optional(Type.String({ description: 'The id of the context.' })),
  time: Type.Optional(Type.String({ format: 'date-time', description: 'When it was committed.' })),
  datacontenttype: Type.Optional(Type.String({ description: 'Of `data`.' })),
  data: Type.Optional(ref(ResourceEventSchema))
}, { description: 'An event, in the structured form of CloudEvents 1.0.' })

export const EventPageSchema = output('EventPage', {
  events: Type.Array(ref(CloudEventSchema), { description: 'In the order in which they were committed.' }),
  next: Type.String({ description: 'Where to go on: `after` takes it.' })
}, { description: 'Events, as far as there are any by now.' })

const following = {
  after: Type.Optional(Type.String({
    minLength: 1,
    maxLength: 128,
    description: 'Behind which event to begin, by its id; `now`, or nothing, for those to come. A `Last-Event-ID` header counts more. One whose followers are no longer all kept is answered with 410.'
  })),
  wait: Type.Optional(Type.String({
    pattern: '^(\\d|[12]\\d|30)s$',
    ...rules({ 'x-message': 'must be whole seconds from 0s to 30s, such as 20s' }),
    description: 'For JSON: how long to wait where there is no event yet.'
  })),
  type: Type.Optional(Type.Array(ref(ResourceEventTypeSchema), {
    minItems: 1, maxItems: 16, description: 'Only events of these types, with commas between them.'
  }))
}

export const EventsOfContextQuerySchema = Type.Object(following, { additionalProperties: false })

export const EventsQuerySchema = Type.Object({
  execution_id: Type.Optional(Type.String({
    minLength: 1, maxLength: 253, pattern: ONE_LINE_PATTERN, description: 'Only events of contexts of this execution.'
  })),
  kind: Type.Optional(Type.String({
    minLength: 1,
    maxLength: 253,
    pattern: ONE_LINE_PATTERN,
    description: 'Only events of this kind of resource, such as `execution_context`.'
  })),
  ...following
}, { additionalProperties: false })

export const LastEventIdSchema = Type.Object({
  'Last-Event-ID': Type.Optional(Type.String({ maxLength: 128, description: 'As `after`: a browser that connects again sends it.' }))
})
