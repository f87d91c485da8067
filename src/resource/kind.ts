import type { ApiResourceAudit } from '../gen/ai/stigmer/commons/apiresource/status_pb.js'
import type { ApiResourceMetadata, ApiResourceMetadataVersion } from '../gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import type { ApiResourceKind } from '../gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import { GatewayError } from '../errors.js'
import type { StoredRecord } from '../storage/store.js'

/** What a resource of any kind has. */
export interface Resource {
  readonly metadata?: ApiResourceMetadata
  readonly status?: { readonly audit?: ApiResourceAudit, readonly expireTime?: Timestamp }
}

/** What the server adds to a new resource. */
export interface ServerState {
  readonly id: string
  readonly slug: string
  readonly version: ApiResourceMetadataVersion
  readonly audit: ApiResourceAudit
  /** Milliseconds since 1970. */
  readonly createTime: number
}

/** A resource as text: what is in the clear, and what is not. */
export interface Rendering {
  /** Proto JSON in snake_case without `status`, with `HIDDEN` in the place of each secret. */
  readonly json: string
  /** The secrets' values by name, in the order of `json`. */
  readonly secrets: Readonly<Record<string, string>>
  /** Fields of the status that only the answer that made the resource shows, such as a token. */
  readonly shownOnce?: object
  /** The hash of a token that opens this resource to its holder, where it has one. */
  readonly accessHash?: Uint8Array
  /** How long the resource lives from when it was made, in milliseconds, unless a heartbeat says that it is in use. */
  readonly leaseMs?: number | undefined
}

/** What a kind of resource is called. */
export interface KindNames {
  /** As the store files it. */
  readonly name: string
  /** As messages name it, such as `ExecutionContext`. */
  readonly title: string
  /** As refusals name it, such as `Execution Context`. */
  readonly label: string
  /** As references name it. */
  readonly referenceKind: ApiResourceKind
  /** Before the ULID of an id, such as `exec-`. */
  readonly idPrefix: string
  /** Where a slug is unique: in the organization of `org`, say, or `''` for everywhere. */
  scopeOf (org: string): string
}

/**
 * A kind of resource: its names, and how it is made, rendered and decoded. All else (sealing, storing, answering) is the same for
 * every kind. `Rendered` and `Built` are what rendering and building it need besides, which steps of the kind's own add.
 */
export interface ResourceKind<R extends Resource, in Rendered extends object = never, in Built extends object = never> extends KindNames {
  /** A new resource: what the caller sent, and what the server adds. One with an `expireTime` in its status lives until then. */
  build (input: R, state: ServerState, more: Built): R
  render (resource: R, more: Rendered): Rendering
  /** By which attributes a resource is found in lists, and their values. */
  indexed (resource: R): StoredRecord['indexed']
  /** How long a heartbeat keeps the resource that `json` shows, in milliseconds; absent where it has no lease. */
  leaseMs? (json: string): number | undefined
  /** The resource that an answer's JSON shows. */
  decode (json: string): R
}

export const notFound = (kind: KindNames, by: 'id' | 'slug', value: string) =>
  new GatewayError('not_found', `no ${kind.title} with ${by} '${value}'`)

export const alreadyExists = (kind: KindNames, slug: string, existingId: string | undefined) =>
  new GatewayError('already_exists', `${kind.title} with slug '${slug}' already exists`, { existingId })
