import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import type { ExecutionContext } from '../../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { ApiResourceOwnerScope, type ApiResourceMetadata } from '../../gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import type { ApiResourceAudit, ApiResourceAuditInfo } from '../../gen/ai/stigmer/commons/apiresource/status_pb.js'

/** A context as text: what is in the clear, and what is not. */
export interface Rendering {
  /** Proto JSON in snake_case, without the values of secrets: what is empty is left out, only `is_secret` is always said. */
  readonly redacted: string
  /** The secrets' values by name, in the order of `redacted`. */
  readonly secrets: Readonly<Record<string, string>>
}

/**
 * Renders a valid `resource`; with `runToken` in its status where there is one. By hand, since it is on the path of every
 * create and four times as fast as protobuf's own `toJson`, with which `test/kinds/execution-context/render.test.ts`
 * compares it field by field.
 */
export function render ({ apiVersion, kind, metadata, spec, status }: ExecutionContext, runToken?: string): Rendering {
  const data = Object.entries(spec?.data ?? {})
  const shown = data.map(([name, value]) => [name, value.isSecret ? HIDDEN : { value: text(value.value), is_secret: false }])
  return {
    redacted: JSON.stringify({
      api_version: text(apiVersion),
      kind: text(kind),
      metadata: metadata && metadataJson(metadata),
      spec: { execution_id: spec?.executionId ?? '', data: data.length === 0 ? undefined : Object.fromEntries(shown) },
      status: { audit: status?.audit && auditJson(status.audit), run_token: runToken }
    }),
    secrets: Object.fromEntries(data.flatMap(([name, { value, isSecret }]) => isSecret ? [[name, value]] : []))
  }
}

const HIDDEN = { is_secret: true }
// Inside a string JSON escapes every quotation mark, and no other object begins with this field: so it stands for
// nothing but a secret.
const HIDDEN_JSON = JSON.stringify(HIDDEN)

/** Whether `redacted` is of a context with secrets. */
export const hidesSecrets = (redacted: string): boolean => redacted.includes(HIDDEN_JSON)

/** The whole context: `redacted` with the values of its `secrets`. @throws where they are not as many as it hides */
export function reveal (redacted: string, secrets: Rendering['secrets']): string {
  const parts = redacted.split(HIDDEN_JSON)
  const values = Object.values(secrets)
  if (values.length !== parts.length - 1) throw new Error(`${values.length} values for ${parts.length - 1} secrets`)
  return values.reduce((json, value, index) => `${json}${JSON.stringify({ value, is_secret: true })}${parts[index + 1]}`, parts[0]!)
}

const metadataJson = ({ name, slug, id, org, ownerScope, labels, annotations, tags, version }: ApiResourceMetadata) => ({
  name: text(name),
  slug: text(slug),
  id: text(id),
  org: text(org),
  owner_scope: ownerScope === 0 ? undefined : ApiResourceOwnerScope[ownerScope],
  labels: entries(labels),
  annotations: entries(annotations),
  tags: tags.length === 0 ? undefined : tags,
  version: version && { id: text(version.id), message: text(version.message), previous_version_id: text(version.previousVersionId) }
})

const auditJson = ({ specAudit, statusAudit }: ApiResourceAudit) => ({
  spec_audit: specAudit && infoJson(specAudit),
  status_audit: statusAudit && infoJson(statusAudit)
})

const infoJson = ({ createdBy, createdAt, updatedBy, updatedAt, event }: ApiResourceAuditInfo) => ({
  created_by: createdBy && { id: text(createdBy.id), avatar: text(createdBy.avatar) },
  created_at: instant(createdAt),
  updated_by: updatedBy && { id: text(updatedBy.id), avatar: text(updatedBy.avatar) },
  updated_at: instant(updatedAt),
  event: text(event)
})

const text = (value: string) => value === '' ? undefined : value
const entries = (map: Record<string, string>) => Object.keys(map).length === 0 ? undefined : map
const instant = (at: Timestamp | undefined) => at && timestampDate(at).toISOString()
