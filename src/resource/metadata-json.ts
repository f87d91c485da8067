import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { ApiResourceOwnerScope, type ApiResourceMetadata } from '../gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import type { ApiResourceAudit, ApiResourceAuditInfo } from '../gen/ai/stigmer/commons/apiresource/status_pb.js'

// What resources of all kinds have, as proto JSON in snake_case: what is empty is left out.

export const metadataJson = ({ name, slug, id, org, ownerScope, labels, annotations, tags, version }: ApiResourceMetadata) => ({
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

export const auditJson = ({ specAudit, statusAudit }: ApiResourceAudit) => ({
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

export const text = (value: string) => value === '' ? undefined : value
const entries = (map: Record<string, string>) => Object.keys(map).length === 0 ? undefined : map
export const instant = (at: Timestamp | undefined) => at && timestampDate(at).toISOString()
