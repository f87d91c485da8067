// A second kind of resource, made of what docs/changing.md says that one needs: notes, with one secret line, whose slugs are
// unique within an organization, and which can be updated.
import { ApiResourceKind } from '../../../src/gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import { create } from '@bufbuild/protobuf'
import { ApiResourceMetadataSchema, type ApiResourceMetadata } from '../../../src/gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import type { ApiResourceAudit } from '../../../src/gen/ai/stigmer/commons/apiresource/status_pb.js'
import { HIDDEN } from '../../../src/resource/hidden.js'
import type { ResourceKind } from '../../../src/resource/kind.js'
import { metadataJson } from '../../../src/resource/metadata-json.js'

export interface Note {
  readonly metadata?: ApiResourceMetadata
  readonly text: string
  readonly secret: string
  readonly status?: { readonly audit?: ApiResourceAudit }
}

export const noteKind: ResourceKind<Note, object, object> = {
  name: 'note',
  title: 'Note',
  label: 'Note',
  referenceKind: ApiResourceKind.session,
  idPrefix: 'note-',
  scopeOf: org => org,
  build: ({ metadata, text, secret }, { id, slug, audit }) =>
    ({ metadata: { ...(metadata ?? create(ApiResourceMetadataSchema)), id, slug }, text, secret, status: { audit } }),
  render: ({ metadata, text, secret }) => ({
    json: JSON.stringify({ kind: 'Note', metadata: metadata && metadataJson(metadata), text, secret: HIDDEN }),
    secrets: { secret }
  }),
  indexed: ({ metadata }) => ({ tag: metadata?.tags ?? [] }),
  decode: json => {
    const { metadata, text, secret, status } = JSON.parse(json)
    return { metadata: create(ApiResourceMetadataSchema, metadata), text, secret: secret.value ?? '', status }
  }
}
