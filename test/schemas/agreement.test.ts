import type { DescMessage } from '@bufbuild/protobuf'
import type { TObject } from '@sinclair/typebox'
import t from 'tap'
import * as typebox from '../../schemas/execution-context.js'
import * as lists from '../../schemas/lists.js'
import * as metadata from '../../schemas/metadata.js'
import * as parameters from '../../schemas/requests.js'
import { ExecutionContextSchema } from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { ExecutionContextIdSchema, file_ai_stigmer_agentic_executioncontext_v1_io as contextInputs } from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import { ExecutionContextSpecSchema, ExecutionValueSchema } from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/spec_pb.js'
import { ExecutionContextStatusSchema } from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/status_pb.js'
import { ApiResourceKindSchema } from '../../src/gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import { ApiResourceDeleteInputSchema, ApiResourceReferenceSchema, file_ai_stigmer_commons_apiresource_io as commonInputs } from '../../src/gen/ai/stigmer/commons/apiresource/io_pb.js'
import * as own from '../../src/gen/ectx/v1/execution_context_pb.js'
import { ApiResourceMetadataSchema, ApiResourceMetadataVersionSchema, ApiResourceOwnerScopeSchema } from '../../src/gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import { ApiResourceAuditActorSchema, ApiResourceAuditInfoSchema, ApiResourceAuditSchema } from '../../src/gen/ai/stigmer/commons/apiresource/status_pb.js'
import { schemaOfProto } from '../support/schema-of-proto.js'

// The resource is described twice, for JSON and for protobuf. What follows holds the two together, field by field and
// rule by rule: a change on one side alone fails here, unless it is added to the differences that are meant.

type Json = Record<string, any>

/** Enums that are components of their own; in a message each is part of its field. */
const ENUMS = [
  typebox.ApiVersionSchema,
  typebox.KindSchema,
  metadata.ApiResourceOwnerScopeSchema,
  parameters.ApiResourceKindSchema,
  parameters.EnvFormatSchema
]

/** A TypeBox schema as plain JSON schema, without what is only for people and with references to messages by their names. */
function plain (schema: object): Json {
  return JSON.parse(JSON.stringify(schema, (key, value) => {
    if (['description', 'x-message', '$id'].includes(key) && typeof value !== 'object') return undefined
    // A .proto file has the character itself where JSON schema has its escape.
    if (key === 'pattern') return value.replace(/\\u([0-9a-f]{4})/g, (_: string, code: string) => String.fromCharCode(parseInt(code, 16)))
    return key === '$ref' ? value.replace(/(Input)?#$/, '') : ENUMS.find(({ $id }) => value?.$ref === `${$id}#`) ?? value
  }))
}

interface Differences {
  /** Fields that REST does not take. */
  readonly omitted?: readonly string[]
  /** Fields that REST has under another name. */
  readonly renamed?: Readonly<Record<string, string>>
  /** Fields that the transport fills in where they are left out. */
  readonly optional?: readonly string[]
  /** Fields that are left out where they are empty: parameters, which cannot be given without a value. */
  readonly notEmpty?: readonly string[]
  /** Schemas of fields, and of the whole, that a CEL rule or a later step narrows. */
  readonly narrowed?: Readonly<Record<string, Json>>
  readonly whole?: Json
}

/** What the CEL rules mean to a request: each has its words here, or this test does not know it. */
const CEL: Readonly<Record<string, Differences>> = {
  'execution_context.owner_scope.unspecified_only': { narrowed: { owner_scope: { enum: ['api_resource_owner_scope_unspecified'] } } },
  'execution_context.id.server_set': { omitted: ['id'] },
  'execution_context.version.server_set': { omitted: ['version'] },
  'execution_context_spec.data.total_bytes': { narrowed: { data: { 'x-max-total-bytes': 1_048_576 } } },
  'api_resource_metadata.name_or_slug': { whole: { 'x-slug-source': true } }
}

/** The CEL rules that speak of `message`: those of ExecutionContext all stand on its metadata, and speak of that. */
const celOf = (message: DescMessage): readonly string[] => {
  if (message === ExecutionContextSchema) return []
  const { cel } = schemaOfProto(message)
  return message === ApiResourceMetadataSchema ? [...cel, ...schemaOfProto(ExecutionContextSchema).cel] : cel
}

function requestOf (message: DescMessage, { omitted = [], renamed = {}, optional = [], notEmpty = [], narrowed: own }: Differences): Json {
  const cel = celOf(message).map(id => CEL[id]!)
  const left = [...omitted, ...cel.flatMap(({ omitted = [] }) => omitted)]
  const fields = Object.entries(schemaOfProto(message).fields).filter(([name]) => !left.includes(name))
  const filled = Object.fromEntries(notEmpty.map(name => [name, { minLength: 1 }]))
  const narrowed = Object.assign(filled, ...cel.map(({ narrowed }) => narrowed), own)
  const required = fields.filter(([name, { required }]) => required && !optional.includes(name)).map(([name]) => renamed[name] ?? name)
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map(([name, { schema }]) => [renamed[name] ?? name, { ...schema, ...narrowed[name] }])),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
    ...Object.assign({}, ...cel.map(({ whole }) => whole))
  }
}

/** As one object, what stands in the path and in the query. */
const together = (...parts: TObject[]): Json => {
  const required = parts.flatMap(part => part.required ?? [])
  return { type: 'object', properties: Object.assign({}, ...parts.map(part => plain(part).properties)), ...(required.length > 0 && { required }), additionalProperties: false }
}

t.test('a request takes what its message takes', async t => {
  const requests: Array<[DescMessage, Json, Differences]> = [
    [ExecutionContextSchema, plain(typebox.ExecutionContextInputSchema), { omitted: ['status'], optional: ['api_version', 'kind'] }],
    [ExecutionContextSpecSchema, plain(typebox.ExecutionContextSpecInputSchema), {}],
    [ExecutionValueSchema, plain(typebox.ExecutionValueInputSchema), {}],
    [ApiResourceMetadataSchema, plain(metadata.ApiResourceMetadataInputSchema), {}],
    [ApiResourceReferenceSchema, together(parameters.ReferenceQuerySchema), { notEmpty: ['org', 'version'], narrowed: { kind: { enum: parameters.REFERENCE_KINDS } } }],
    [ExecutionContextIdSchema, together(parameters.IdParamsSchema, parameters.VersionQuerySchema), { renamed: { value: 'id' }, notEmpty: ['version'] }],
    // Nothing of ours can be forced.
    [ApiResourceDeleteInputSchema, together(parameters.IdParamsSchema, parameters.DeleteQuerySchema), { renamed: { resource_id: 'id' }, omitted: ['force'], notEmpty: ['version_message'] }],
    // Labels are parameters of any name.
    [own.ListExecutionContextsRequestSchema, together(parameters.ListQuerySchema), { omitted: ['labels'], notEmpty: ['execution_id', 'created_by', 'page_token'] }],
    [own.RotateExecutionContextRequestSchema, together(parameters.IdParamsSchema, typebox.RotateExecutionContextRequestSchema), {}],
    [own.RotatedValueSchema, plain(typebox.RotatedValueInputSchema), {}],
    [own.DeleteExecutionContextsRequestSchema, together(parameters.ExecutionParamsSchema), {}],
    [own.BatchGetExecutionContextsRequestSchema, plain(lists.BatchGetExecutionContextsRequestSchema), {}],
    // Without any of its keys a list of them is no parameter.
    [own.GetEnvRequestSchema, together(parameters.IdParamsSchema, parameters.EnvQuerySchema), { notEmpty: ['prefix', 'version'], narrowed: { keys: { minItems: 1 } } }]
  ]
  for (const [message, request, differences] of requests) t.strictSame(request, requestOf(message, differences), message.name)
  const seen = requests.map(([message]) => message)
  const ownInputs = own.file_ectx_v1_execution_context.messages.filter(({ name }) => name.endsWith('Request'))
  const inputs = [...contextInputs.messages, ...commonInputs.messages, ...ownInputs]
  t.ok(inputs.every(message => seen.includes(message)), 'every input message is among them')
})

t.test('every CEL rule is known here, and its sentence is the same on both sides', async t => {
  const messages = [
    ExecutionContextSchema, ExecutionContextSpecSchema, ExecutionValueSchema, ApiResourceMetadataSchema,
    ApiResourceReferenceSchema, ExecutionContextIdSchema, ApiResourceDeleteInputSchema
  ]
  t.strictSame(messages.flatMap(message => schemaOfProto(message).cel).sort(), Object.keys(CEL).sort())
  t.equal(
    metadata.ApiResourceMetadataInputSchema.properties.owner_scope['x-message'],
    schemaOfProto(ExecutionContextSchema).sentences['execution_context.owner_scope.unspecified_only']
  )
})

t.test('an answer has what its message has', async t => {
  /** The shape alone: the rules were kept when the resource was made. */
  const shape = ({ type, enum: names, format, $ref, items, additionalProperties }: Json): Json => JSON.parse(JSON.stringify({
    type, enum: names, format, $ref, items: items && shape(items), additionalProperties: additionalProperties && shape(additionalProperties)
  }))
  // What is always there; all else is left out where it is empty, and a redacted value has no `value`.
  const answers: Array<[DescMessage, TObject, always: string[]]> = [
    [ExecutionContextSchema, typebox.ExecutionContextSchema, ['api_version', 'kind', 'metadata', 'spec', 'status']],
    [ExecutionContextSpecSchema, typebox.ExecutionContextSpecSchema, ['execution_id']],
    [ExecutionValueSchema, typebox.ExecutionValueSchema, ['is_secret']],
    [ExecutionContextStatusSchema, typebox.ExecutionContextStatusSchema, ['audit', 'expire_time']],
    [ApiResourceMetadataSchema, metadata.ApiResourceMetadataSchema, ['slug', 'id']],
    [ApiResourceMetadataVersionSchema, metadata.ApiResourceMetadataVersionSchema, []],
    [ApiResourceAuditSchema, typebox.ApiResourceAuditSchema, ['spec_audit', 'status_audit']],
    [ApiResourceAuditInfoSchema, typebox.ApiResourceAuditInfoSchema, ['created_by', 'created_at', 'updated_by', 'updated_at', 'event']],
    [ApiResourceAuditActorSchema, typebox.ApiResourceAuditActorSchema, ['id']],
    [own.ExecutionContextPageSchema, lists.ExecutionContextPageSchema, ['execution_contexts']],
    [own.DeletedExecutionContextsSchema, lists.DeletedExecutionContextsSchema, ['deleted']],
    [own.ExecutionContextBatchSchema, lists.ExecutionContextBatchSchema, ['execution_contexts', 'not_found']],
    [own.ExecutionContextLeaseSchema, lists.ExecutionContextLeaseSchema, ['lease_expire_time', 'expire_time']]
  ]
  for (const [message, schema, always] of answers) {
    const { properties, required = [], additionalProperties } = plain(schema)
    const shapes = Object.fromEntries(Object.entries(properties as Json).map(([name, property]) => [name, shape(property)]))
    const expected = Object.fromEntries(Object.entries(schemaOfProto(message).fields).map(([name, { schema }]) => [name, shape(schema)]))
    t.strictSame(shapes, expected, message.name)
    t.strictSame(required, always, `${message.name}: always there`)
    t.equal(additionalProperties, undefined, `${message.name}: a later version may have more`)
    t.equal(schema.$id, message.name)
  }
})

t.test('enums have the same names, in the same order', async t => {
  const names = (desc: { values: ReadonlyArray<{ name: string }> }) => desc.values.map(({ name }) => name)
  t.strictSame([...metadata.OWNER_SCOPES], names(ApiResourceOwnerScopeSchema))
  // Of these REST names those alone that it looks up.
  t.strictSame([...parameters.REFERENCE_KINDS], [names(ApiResourceKindSchema).at(0), names(ApiResourceKindSchema).at(-1)])
})
