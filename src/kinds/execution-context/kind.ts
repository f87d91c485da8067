import { create } from '@bufbuild/protobuf'
import { ExecutionContextSchema, type ExecutionContext } from '../../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { ApiResourceKind } from '../../gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import { ApiResourceMetadataSchema } from '../../gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import type { ResourceKind } from '../../resource/kind.js'
import { decodeBody, encodeBody, holdsSecrets } from '../../resource/sealed-body.js'
import { render, reveal } from './render.js'

/** Rules of `api.proto` that stand on `metadata` but speak of one field of it. */
export const RULE_FIELDS = {
  'execution_context.owner_scope.unspecified_only': 'owner_scope',
  'execution_context.id.server_set': 'id',
  'execution_context.version.server_set': 'version'
}

const EMPTY = new Uint8Array()

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

  seal (resource, vault, view, runToken) {
    const id = resource.metadata?.id ?? ''
    const { redacted, secrets } = render(resource)
    const names = Object.keys(secrets)
    const record = {
      kind: executionContextKind.name,
      id,
      slug: resource.metadata?.slug ?? '',
      executionId: resource.spec?.executionId ?? '',
      revision: 1,
      body: encodeBody({
        redactedJson: redacted,
        sealedSecrets: names.length > 0 ? vault.seal(id, JSON.stringify(secrets), redacted) : EMPTY,
        runTokenHash: runToken?.hash ?? EMPTY
      })
    }
    const shown = runToken === undefined ? redacted : render(resource, runToken.token).redacted
    const answer = view === 'redacted' || names.length === 0
      ? { view, json: shown }
      : { view, json: reveal(shown, secrets), revealed: names }
    return { record, answer }
  },

  show (record, view, vault) {
    const body = decodeBody(record)
    const { redactedJson } = body
    if (view === 'redacted' || !holdsSecrets(body)) return { view, json: redactedJson }
    const secrets = JSON.parse(vault.open(record.id, body.sealedSecrets, redactedJson))
    return { view, json: reveal(redactedJson, secrets), revealed: Object.keys(secrets) }
  },

  orgOf: record => JSON.parse(decodeBody(record).redactedJson).metadata.org ?? ''
}
