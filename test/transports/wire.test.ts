// What clients of the predecessor have compiled in: names and numbers, as facts that nothing here may change.
import type { DescField, DescMessage, DescService } from '@bufbuild/protobuf'
import t from 'tap'
import * as api from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import * as command from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/command_pb.js'
import * as io from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import * as query from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/query_pb.js'
import * as spec from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/spec_pb.js'
import * as status from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/status_pb.js'
import * as kinds from '../../src/gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import * as commonIo from '../../src/gen/ai/stigmer/commons/apiresource/io_pb.js'
import * as metadata from '../../src/gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import * as commonStatus from '../../src/gen/ai/stigmer/commons/apiresource/status_pb.js'

const CONTEXT = 'ai.stigmer.agentic.executioncontext.v1'
const COMMON = 'ai.stigmer.commons.apiresource'

/** Each message with its fields in the order of their numbers, a field as `type name number`. */
const MESSAGES: ReadonlyArray<[schema: DescMessage, name: string, fields: string]> = [
  [api.ExecutionContextSchema, `${CONTEXT}.ExecutionContext`, 'string api_version 1, string kind 2, ApiResourceMetadata metadata 3, ExecutionContextSpec spec 4, ExecutionContextStatus status 5'],
  [spec.ExecutionContextSpecSchema, `${CONTEXT}.ExecutionContextSpec`, 'string execution_id 1, map<string, ExecutionValue> data 2'],
  [spec.ExecutionValueSchema, `${CONTEXT}.ExecutionValue`, 'string value 1, bool is_secret 2'],
  [status.ExecutionContextStatusSchema, `${CONTEXT}.ExecutionContextStatus`, 'ApiResourceAudit audit 99'],
  [io.ExecutionContextIdSchema, `${CONTEXT}.ExecutionContextId`, 'string value 1'],
  [metadata.ApiResourceMetadataSchema, `${COMMON}.ApiResourceMetadata`, 'string name 1, string slug 2, string id 3, string org 4, ApiResourceOwnerScope owner_scope 5, map<string, string> labels 6, map<string, string> annotations 7, repeated string tags 8, ApiResourceMetadataVersion version 9'],
  [metadata.ApiResourceMetadataVersionSchema, `${COMMON}.ApiResourceMetadataVersion`, 'string id 1, string message 2, string previous_version_id 3'],
  [commonStatus.ApiResourceAuditSchema, `${COMMON}.ApiResourceAudit`, 'ApiResourceAuditInfo spec_audit 1, ApiResourceAuditInfo status_audit 2'],
  [commonStatus.ApiResourceAuditInfoSchema, `${COMMON}.ApiResourceAuditInfo`, 'ApiResourceAuditActor created_by 1, Timestamp created_at 2, ApiResourceAuditActor updated_by 3, Timestamp updated_at 4, string event 5'],
  [commonStatus.ApiResourceAuditActorSchema, `${COMMON}.ApiResourceAuditActor`, 'string id 1, string avatar 2'],
  [commonIo.ApiResourceDeleteInputSchema, `${COMMON}.ApiResourceDeleteInput`, 'string resource_id 1, string version_message 2, bool force 3'],
  [commonIo.ApiResourceReferenceSchema, `${COMMON}.ApiResourceReference`, 'ApiResourceOwnerScope scope 1, string org 2, ApiResourceKind kind 3, string slug 4, string version 5']
]

const SERVICES: ReadonlyArray<[service: DescService, name: string, methods: string]> = [
  [command.ExecutionContextCommandController, `${CONTEXT}.ExecutionContextCommandController`, 'apply(ExecutionContext) ExecutionContext, create(ExecutionContext) ExecutionContext, delete(ApiResourceDeleteInput) ExecutionContext'],
  [query.ExecutionContextQueryController, `${CONTEXT}.ExecutionContextQueryController`, 'get(ExecutionContextId) ExecutionContext, getByReference(ApiResourceReference) ExecutionContext']
]

/** From here on numbers are our own. */
const OWN = 1001
const SCALARS: Readonly<Record<number, string>> = { 8: 'bool', 9: 'string' }

function typeOf (field: DescField): string {
  const named = field.message?.name ?? field.enum?.name ?? SCALARS[field.scalar ?? 0]!
  if (field.fieldKind === 'map') return `map<${SCALARS[field.mapKey]}, ${named}>`
  return field.fieldKind === 'list' ? `repeated ${named}` : named
}

t.test('messages have the names, numbers and types of before', async t => {
  for (const [{ typeName, fields }, name, expected] of MESSAGES) {
    t.equal(typeName, name)
    const theirs = fields.filter(({ number }) => number < OWN).map(field => `${typeOf(field)} ${field.name} ${field.number}`)
    t.equal(theirs.join(', '), expected, name)
  }
})

t.test('enumerations have the names and numbers of before', async t => {
  const valuesOf = ({ values }: { values: ReadonlyArray<{ name: string, number: number }> }) => values.map(({ name, number }) => `${name} ${number}`).join(', ')
  t.equal(metadata.ApiResourceOwnerScopeSchema.typeName, `${COMMON}.ApiResourceOwnerScope`)
  t.equal(valuesOf(metadata.ApiResourceOwnerScopeSchema), 'api_resource_owner_scope_unspecified 0, platform 1, organization 2, identity_account 3')
  t.equal(kinds.ApiResourceKindSchema.typeName, `${COMMON}.apiresourcekind.ApiResourceKind`)
  t.equal(valuesOf(kinds.ApiResourceKindSchema), 'api_resource_kind_unknown 0, agent 40, agent_execution 41, session 42, workflow_execution 52, environment 53, execution_context 54')
})

t.test('services have the names and methods of before', async t => {
  for (const [{ typeName, methods }, name, expected] of SERVICES) {
    t.equal(typeName, name)
    const all = methods.map(({ name, input, output, methodKind }) => `${methodKind === 'unary' ? '' : methodKind}${name}(${input.name}) ${output.name}`)
    t.equal(all.sort().join(', '), expected)
  }
})
