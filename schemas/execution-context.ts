import { Type } from '@sinclair/typebox'
import { input, map, output, ref, rules, sharedEnum } from './helpers.js'
import { ApiResourceMetadataInputSchema, ApiResourceMetadataSchema, RUN_TOKEN_PATTERN } from './metadata.js'
import { ONE_LINE_PATTERN } from './text.js'

export const API_VERSION = 'agentic.stigmer.ai/v1'
export const KIND = 'ExecutionContext'
export const DATA_KEY_PATTERN = '^[A-Za-z_][A-Za-z0-9_.-]{0,252}$'

export const ApiVersionSchema = sharedEnum(
  'ApiVersion',
  [API_VERSION],
  { description: 'The version of the kind; a request may leave it out.' }
)
export const KindSchema = sharedEnum('Kind', [KIND], { description: 'The kind of resource; a request may leave it out.' })

const executionId = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: ONE_LINE_PATTERN,
  description: 'The workflow or agent execution that the values are for, as its engine names it.'
})
/** Seconds, as protobuf writes a duration in JSON. */
export const DURATION_PATTERN = '^(0|[1-9][0-9]{0,10})(\\.[0-9]{1,9})?s$'
const duration = (description: string) => Type.String({
  pattern: DURATION_PATTERN,
  maxLength: 22,
  ...rules({ 'x-message': 'must be seconds in quotation marks, such as "3600s" or "1.5s"' }),
  description
})
const ttl = duration(
  'How long the context lives, in seconds with an `s`: 24 hours where it is left out, at least `1s` and at most `604800s` (7 days), unless the gateway is configured otherwise.'
)
const lease = duration(
  'How long the context lives without a heartbeat, in seconds with an `s`, within its time to live: at least `1s`. Where it is left out it needs none.'
)
const value = { minLength: 1, maxLength: 65_536, ...rules({ 'x-max-bytes': 65_536 }) }

export const ExecutionValueInputSchema = input('ExecutionValueInput', {
  value: Type.String({ ...value, description: 'Text of 1 byte to 64 KiB (65536 bytes) in UTF-8.' }),
  is_secret: Type.Optional(
    Type.Boolean({ description: 'A secret is shown only to callers who may reveal it. False where it is left out.' })
  )
}, { description: 'One value for the run.' })

export const ExecutionContextSpecInputSchema = input('ExecutionContextSpecInput', {
  execution_id: executionId,
  data: Type.Optional(map(ref(ExecutionValueInputSchema), {
    maxProperties: 1000,
    ...rules({ 'x-property-names': { pattern: DATA_KEY_PATTERN }, 'x-max-total-bytes': 1_048_576 }),
    description: `The values by name: at most 1000, and at most 1 MiB (1048576 bytes in UTF-8) in all. A name matches \`${DATA_KEY_PATTERN}\`.`
  })),
  ttl: Type.Optional(ttl),
  lease: Type.Optional(lease)
}, { description: 'What the run is given.' })

export const ExecutionContextInputSchema = input('ExecutionContextInput', {
  api_version: Type.Optional(ref(ApiVersionSchema)),
  kind: Type.Optional(ref(KindSchema)),
  metadata: ref(ApiResourceMetadataInputSchema),
  spec: ref(ExecutionContextSpecInputSchema)
}, { description: 'A context to create.' })

export const RotatedValueInputSchema = input('RotatedValueInput', {
  value: Type.String({ ...value, description: 'Text of 1 byte to 64 KiB (65536 bytes) in UTF-8.' }),
  is_secret: Type.Optional(Type.Boolean({ description: 'A secret stays one: true, or left out.' }))
}, { description: 'The new value of a secret.' })

export const RotateExecutionContextRequestSchema = input('RotateExecutionContextRequest', {
  data: map(ref(RotatedValueInputSchema), {
    maxProperties: 1000,
    ...rules({ 'x-property-names': { pattern: DATA_KEY_PATTERN } }),
    description: `The new values, by the names of secrets that the context has, which match \`${DATA_KEY_PATTERN}\`: one at least, and with those that stay at most 1 MiB.`
  }),
  version_message: Type.Optional(Type.String({
    maxLength: 1024, pattern: ONE_LINE_PATTERN, description: 'Why, for whoever reads the version.'
  })),
  grace: Type.Optional(duration(
    'How long the values of before can be read as their version, in seconds with an `s`: `300s` where it is left out, and until the context ends. With `0s` they are gone at once.'
  ))
}, { description: 'New values for secrets of a context.' })

export const ExecutionValueSchema = output('ExecutionValue', {
  value: Type.Optional(Type.String({ ...value, description: 'Text of 1 byte to 64 KiB (65536 bytes) in UTF-8.' })),
  is_secret: Type.Boolean({ description: 'Whether the value is a secret.' })
}, { description: 'One value for the run.' })

export const ExecutionContextSpecSchema = output('ExecutionContextSpec', {
  execution_id: executionId,
  data: Type.Optional(
    map(ref(ExecutionValueSchema), { maxProperties: 1000, description: 'The values by name; left out where there are none.' })
  ),
  ttl: Type.Optional(Type.String({
    pattern: DURATION_PATTERN, maxLength: 22, description: 'How long the context lives, where its creator said so.'
  })),
  lease: Type.Optional(Type.String({
    pattern: DURATION_PATTERN, maxLength: 22, description: 'How long the context lives without a heartbeat, where it has a lease.'
  }))
}, { description: 'What the run is given.' })

export const ApiResourceAuditActorSchema = output('ApiResourceAuditActor', {
  id: Type.String({
    description: 'The caller: the name of a static token, `jwt:` and the subject of a JWT, `run:` and the id of a context, or `system` where no credentials are configured.'
  }),
  avatar: Type.Optional(Type.String({ description: 'Where a picture of the caller is, if there is one.' }))
}, { description: 'Who did it.' })

export const ApiResourceAuditInfoSchema = output('ApiResourceAuditInfo', {
  created_by: ref(ApiResourceAuditActorSchema),
  created_at: Type.String({ format: 'date-time', description: 'When it was made.' }),
  updated_by: ref(ApiResourceAuditActorSchema),
  updated_at: Type.String({ format: 'date-time', description: 'When it was last changed.' }),
  event: Type.String({ description: 'What happened last, such as `created`.' })
}, { description: 'Who made and last changed one half of a resource, and when.' })

export const ApiResourceAuditSchema = output('ApiResourceAudit', {
  spec_audit: ref(ApiResourceAuditInfoSchema),
  status_audit: ref(ApiResourceAuditInfoSchema)
}, { description: 'Who made and last changed a resource, and when.' })

export const ExecutionContextStatusSchema = output('ExecutionContextStatus', {
  audit: ref(ApiResourceAuditSchema),
  expire_time: Type.String({
    format: 'date-time',
    description: 'From this moment on the context is gone: for every read, for its run token, and for who wants its slug. One with a lease may be gone before.'
  }),
  run_token: Type.Optional(Type.String({
    pattern: RUN_TOKEN_PATTERN,
    description: 'Opens this one context to whoever holds it: to get, reveal, keep and delete it. Only in the answer that made the context, where that was asked for.'
  }))
}, { description: 'What the server knows of a context.' })

export const ExecutionContextSchema = output('ExecutionContext', {
  api_version: ref(ApiVersionSchema),
  kind: ref(KindSchema),
  metadata: ref(ApiResourceMetadataSchema),
  spec: ref(ExecutionContextSpecSchema),
  status: ref(ExecutionContextStatusSchema)
}, {
  description: 'The configuration and secrets of one workflow or agent run. Immutable, but for the values of its secrets, and managed by the operator alone.'
})
