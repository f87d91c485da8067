import { create, fromJsonString } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { RunToken } from '../../auth/run-token.js'
import { ExecutionContextSchema, type ExecutionContext } from '../../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { ApiResourceKind } from '../../gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import { ApiResourceMetadataSchema } from '../../gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import { durationMsOf } from '../../resource/duration.js'
import type { ResourceKind } from '../../resource/kind.js'
import { render } from './render.js'

/** Rules of `api.proto` that stand on `metadata` but speak of one field of it. */
export const RULE_FIELDS = {
  'execution_context.owner_scope.unspecified_only': 'owner_scope',
  'execution_context.id.server_set': 'id',
  'execution_context.version.server_set': 'version'
}

/** The fields of the status that show a run token, to whoever asked for it. */
export const shownOnce = ({ token }: RunToken) => ({ run_token: token })

/** The attribute that contexts with a label of that name are found by. */
export const labelAttribute = (name: string) => `label.${name}`

/** What is particular to ExecutionContext: it is built to live for so long, and rendered with the run token, where one was issued. */
export const executionContextKind: ResourceKind<
  ExecutionContext,
  { readonly runToken: RunToken | undefined },
  { readonly ttlMs: number }
> = {
  name: 'execution_context',
  title: 'ExecutionContext',
  label: 'Execution Context',
  referenceKind: ApiResourceKind.execution_context,
  idPrefix: 'exec-',
  // A slug is unique over all contexts, whatever their organization.
  scopeOf: () => '',

  build: ({ apiVersion, kind, metadata, spec }, { id, slug, version, audit, createTime }, { ttlMs }) => create(ExecutionContextSchema, {
    apiVersion,
    kind,
    metadata: { ...(metadata ?? create(ApiResourceMetadataSchema)), id, slug, version },
    spec,
    status: { audit, expireTime: timestampFromMs(createTime + ttlMs) }
  }),

  render: (resource, { runToken }) => ({
    ...render(resource),
    shownOnce: runToken && shownOnce(runToken),
    accessHash: runToken?.hash
  }),

  indexed: ({ metadata, spec, status }) => ({
    execution_id: [spec?.executionId ?? ''],
    created_by: [status?.audit?.specAudit?.createdBy?.id ?? ''],
    ...Object.fromEntries(Object.entries(metadata?.labels ?? {}).map(([name, value]) => [labelAttribute(name), [value]]))
  }),
  leaseMs: json => {
    const { lease } = JSON.parse(json).spec
    return lease && durationMsOf(lease)
  },
  decode: json => fromJsonString(ExecutionContextSchema, json)
}
