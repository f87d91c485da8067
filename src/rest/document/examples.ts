import type { OpenAPIV3 } from 'openapi-types'
import { API_VERSION, KIND } from '../../../schemas/execution-context.js'

export const ID = 'exec-01m7yq1we0ras12e9q0c426n0n'
export const REQUEST_ID = '1f9d4c0e-8a53-4c55-9d0e-6a9a3b0f7c21'
export const ETAG = `"${ID}.1.full"`
const TIME = '2026-11-21T09:30:00.000Z'
const END = '2026-11-22T09:30:00.000Z'
const LEASE_END = '2026-11-21T09:31:00.000Z'
const PAGE_TOKEN = 'MS40ODIxMA'

/** Prefilled in Swagger UI for create and apply: a fresh gateway answers it 201. */
export const REQUEST_EXAMPLE = {
  metadata: { name: 'Nightly import 42', labels: { team: 'data' } },
  spec: {
    execution_id: 'wfx-42',
    data: {
      REGION: { value: 'eu-central-1', is_secret: false },
      API_TOKEN: { value: 'not-a-real-token', is_secret: true }
    },
    ttl: '86400s',
    lease: '3600s'
  }
}

const violation = { pointer: '/spec/execution_id', detail: 'is required' }
const actor = { id: 'system' }
const audit = { created_by: actor, created_at: TIME, updated_by: actor, updated_at: TIME, event: 'created' }

const { name, ...others } = REQUEST_EXAMPLE.metadata

const event = {
  sequence: 1042,
  gateway: 'ectx-1',
  commit: 377,
  previous: '5f9c1b0d7c3c4f0e9a8b7d6c5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f',
  time: TIME,
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
}

const VERSION = ID.replace('exec', 'ver')
const { REGION, API_TOKEN } = REQUEST_EXAMPLE.spec.data
const context = {
  api_version: API_VERSION,
  kind: KIND,
  metadata: { name, slug: 'nightly-import-42', id: ID, ...others, version: { id: VERSION } },
  spec: REQUEST_EXAMPLE.spec,
  status: { audit: { spec_audit: audit, status_audit: audit }, expire_time: END }
}
const redacted = { ...context, spec: { ...context.spec, data: { REGION, API_TOKEN: { is_secret: true } } } }
const ROTATED = { value: 'another-not-real-token' }
const ROTATION = 'The token was about to expire.'
const ABSENT = 'exec-01m7yq1we0ras12e9q0c426n0p'

/** Of an event. */
export const POSITION = '0midjkz5s-0000000000000042'
const told = { kind: 'execution_context', id: ID, slug: 'nightly-import-42', execution_id: 'wfx-42' }
const cloudEvent = {
  specversion: '1.0',
  id: POSITION,
  source: '/v1/execution-contexts',
  type: 'ai.stigmer.agentic.executioncontext.v1.created',
  subject: ID,
  time: '2026-11-21T09:30:00.000Z',
  datacontenttype: 'application/json',
  data: { ...told, caller: { name: 'system', kind: 'system' }, request_id: REQUEST_ID, version: { id: ID.replace('exec', 'ver') } }
}

/** Whole bodies, by their component or else their media type. */
export const BODY_EXAMPLES: Readonly<Record<string, unknown>> = {
  ExecutionContextInput: REQUEST_EXAMPLE,
  RotateExecutionContextRequest: { data: { API_TOKEN: ROTATED }, version_message: ROTATION, grace: '300s' },
  ExecutionContext: context,
  ExecutionContextPage: { execution_contexts: [redacted] },
  DeletedExecutionContexts: { deleted: [ID] },
  BatchGetExecutionContextsRequest: { ids: [ID, ABSENT] },
  ExecutionContextBatch: { execution_contexts: [context], not_found: [ABSENT] },
  ExecutionContextLease: { lease_expire_time: LEASE_END, expire_time: END },
  AuditEventPage: { events: [event], verified: true },
  EventPage: { events: [cloudEvent], next: POSITION },
  Health: { status: 'ok' },
  'application/json': { REGION: REGION.value, API_TOKEN: API_TOKEN.value },
  'text/event-stream': `id: ${POSITION}\nevent: created\ndata: ${JSON.stringify(cloudEvent)}\n\n`,
  'application/x-ndjson': `${JSON.stringify(cloudEvent)}\n`,
  'text/plain': `export REGION='${REGION.value}'\nexport API_TOKEN='${API_TOKEN.value}'\n`
}

/** Of properties and parameters, by name; of a component or of one place where that differs, by the name of that. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  ...cloudEvent,
  ...told,
  ...event,
  expire_time: END,
  ...REQUEST_EXAMPLE.metadata,
  ...REQUEST_EXAMPLE.spec,
  ...REQUEST_EXAMPLE.spec.data.REGION,
  ...audit,
  ...violation,
  ApiVersion: API_VERSION,
  Kind: KIND,
  View: 'redacted',
  EnvFormat: 'shell',
  ApiResourceKind: 'execution_context',
  ApiResourceOwnerScope: 'api_resource_owner_scope_unspecified',
  'ApiResourceAuditActor.id': actor.id,
  'ApiResourceMetadataVersion.id': VERSION,
  'RotateExecutionContextRequest.data': { API_TOKEN: ROTATED },
  'RotateExecutionContextRequest.version_message': ROTATION,
  'RotatedValueInput.value': ROTATED.value,
  'RotatedValueInput.is_secret': true,
  grace: '300s',
  'AuditCaller.name': event.caller.name,
  'AuditCaller.kind': event.caller.kind,
  'AuditEvent.event': event.event,
  'Health.status': 'ok',
  'query.run_token': true,
  created_by: actor.id,
  expires_before: '2026-11-21T10:00:00Z',
  prefix: 'API_',
  'query.keys': ['REGION', 'API_TOKEN'],
  lease: '60s',
  lease_expire_time: LEASE_END,
  deleted: [ID],
  ids: [ID, ABSENT],
  not_found: [ABSENT],
  damaged: [ABSENT],
  execution_contexts: [redacted],
  'Idempotency-Key': '8e03978e-40d5-43dd-bc93-6894a57f9324',
  'query.version': 'latest',
  'query.after': POSITION,
  'query.wait': '20s',
  'query.type': ['created', 'deleted'],
  'Last-Event-ID': POSITION,
  ResourceEventType: 'created',
  'CloudEvent.id': cloudEvent.id,
  'CloudEvent.type': cloudEvent.type,
  'CloudEvent.time': cloudEvent.time,
  'EventPage.events': [cloudEvent],
  'EventPage.next': POSITION,
  'ResourceEvent.kind': 'execution_context',
  'ResourceEvent.scope': 'acme',
  'ResourceEvent.keys': ['API_TOKEN'],
  'query.kind': 'execution_context',
  id: ID,
  org: 'acme',
  owner_scope: 'api_resource_owner_scope_unspecified',
  annotations: { 'acme.example/runbook': 'Restart it, then tell the data team.' },
  tags: ['import', 'nightly'],
  message: 'The first one.',
  previous_version_id: VERSION,
  avatar: 'https://acme.example/avatars/runner.png',
  run_token: `ectx_run_${ID}_H3dYK4dv3WYo7pCN_gmIccq3MHMa8RbBes9lUaOEMjk`,
  key_id: 'key-01m7yq1we0ras12e9q0c426n0n',
  count: 3,
  keys_left_out: 984,
  verified: true,
  events: [event],
  page_size: 100,
  page_token: PAGE_TOKEN,
  next_page_token: PAGE_TOKEN,
  version_message: 'The run is over.',
  shred: true,
  shredded: true,
  type: 'urn:ectx:problem:invalid_argument',
  title: 'Invalid argument',
  status: 400,
  instance: '/v1/execution-contexts',
  code: 'invalid_argument',
  existing_id: ID,
  errors: [violation],
  'If-Match': ETAG,
  'If-None-Match': ETAG
}

/** Gives `schema`, the component `component`, and each of its properties an example, unless that is a component too. */
export function addSchemaExamples (component: string, schema: OpenAPIV3.SchemaObject): void {
  if (schema.properties === undefined) schema.example = EXAMPLES[component]
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (!('$ref' in property)) property.example = EXAMPLES[`${component}.${name}`] ?? EXAMPLES[name]
  }
}

/** The example of a parameter that is no component. */
export const exampleOf = ({ in: place, name }: OpenAPIV3.ParameterObject): unknown => EXAMPLES[`${place}.${name}`] ?? EXAMPLES[name]
