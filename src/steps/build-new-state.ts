import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { Clock } from '../clock.js'
import { ApiResourceMetadataVersionSchema } from '../gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import { ApiResourceAuditInfoSchema, ApiResourceAuditSchema } from '../gen/ai/stigmer/commons/apiresource/status_pb.js'
import { step } from '../pipeline/pipeline.js'
import type { Origin } from '../resource/call.js'
import type { Resource, ResourceKind } from '../resource/kind.js'
import { newUlid, VERSION_PREFIX } from '../resource/ulid.js'

/**
 * Makes the resource that will be stored: the caller's input with an id, its slug, its first version and its status. Needs what building
 * the kind needs, too.
 */
export const buildNewState = <R extends Resource, Built extends object>(kind: ResourceKind<R, never, Built>, clock: Clock) =>
  step('BuildNewState', (ctx: { input: R, slug: string, origin: Origin } & Built) => {
    const { input, slug, origin } = ctx
    const now = clock.now()
    const actor = { id: origin.caller.name }
    const at = timestampFromMs(now)
    const info = create(ApiResourceAuditInfoSchema, { createdBy: actor, createdAt: at, updatedBy: actor, updatedAt: at, event: 'created' })
    const audit = create(ApiResourceAuditSchema, { specAudit: info, statusAudit: info })
    const ulid = newUlid(now)
    const version = create(ApiResourceMetadataVersionSchema, { id: VERSION_PREFIX + ulid })
    return { resource: kind.build(input, { id: kind.idPrefix + ulid, slug, version, audit, createTime: now }, ctx) }
  })
