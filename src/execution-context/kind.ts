import { create, fromJsonString } from '@bufbuild/protobuf'
import { ExecutionContextSchema, type ExecutionContext } from '../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { ApiResourceKind } from '../gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import { ApiResourceMetadataSchema } from '../gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import type { ResourceKind } from '../steps/resource-kind.js'
import { encodeBody, fullJson } from './body.js'

/** Rules of `api.proto` that stand on `metadata` but speak of one field of it. */
export const RULE_FIELDS = {
  'execution_context.owner_scope.unspecified_only': 'owner_scope',
  'execution_context.id.server_set': 'id',
  'execution_context.version.server_set': 'version'
}

/** What is particular to ExecutionContext. */
export const executionContextKind: ResourceKind<ExecutionContext> = {
  name: 'execution_context',
  title: 'ExecutionContext',
  label: 'Execution Context',
  referenceKind: ApiResourceKind.execution_context,
  idPrefix: 'exec-',

  build: ({ apiVersion, kind, metadata, spec }, { id, slug, audit }) => create(ExecutionContextSchema, {
    apiVersion,
    kind,
    metadata: { ...(metadata ?? create(ApiResourceMetadataSchema)), id, slug },
    spec,
    status: { audit }
  }),

  toRecord: resource => ({
    kind: executionContextKind.name,
    id: resource.metadata?.id ?? '',
    slug: resource.metadata?.slug ?? '',
    executionId: resource.spec?.executionId ?? '',
    revision: 1,
    body: encodeBody(resource)
  }),

  fromRecord: record => fromJsonString(ExecutionContextSchema, fullJson(record))
}
