import { create } from '@bufbuild/protobuf'
import { andThen } from '../awaitable.js'
import { ExecutionContextSchema, type ExecutionContext } from '../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { ApiResourceKind } from '../gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import { ApiResourceMetadataSchema } from '../gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import type { ResourceKind } from '../steps/resource-kind.js'
import { decodeBody, encodeBody, holdsSecrets } from './body.js'
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
    const sealed = names.length > 0 ? vault.seal(id, JSON.stringify(secrets), redacted) : EMPTY
    const shown = runToken === undefined ? redacted : render(resource, runToken.token).redacted
    const answer = view === 'redacted' || names.length === 0
      ? { view, json: shown }
      : { view, json: reveal(shown, secrets), revealed: names }
    return andThen(sealed, sealedSecrets => ({
      record: {
        kind: executionContextKind.name,
        id,
        slug: resource.metadata?.slug ?? '',
        executionId: resource.spec?.executionId ?? '',
        revision: 1,
        body: encodeBody({ redactedJson: redacted, sealedSecrets, runTokenHash: runToken?.hash ?? EMPTY })
      },
      answer
    }))
  },

  show (record, view, vault) {
    const body = decodeBody(record)
    const { redactedJson } = body
    if (view === 'redacted' || !holdsSecrets(body)) return { view, json: redactedJson }
    return andThen(vault.open(record.id, body.sealedSecrets, redactedJson), opened => {
      const secrets = JSON.parse(opened)
      return { view, json: reveal(redactedJson, secrets), revealed: Object.keys(secrets) }
    })
  },

  orgOf: record => JSON.parse(decodeBody(record).redactedJson).metadata.org ?? ''
}
