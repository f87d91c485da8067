import type { RunToken } from '../auth/run-token.js'
import type { Awaitable } from '../awaitable.js'
import { GatewayError } from '../errors.js'
import type { ApiResourceKind } from '../gen/ai/stigmer/commons/apiresource/apiresourcekind/api_resource_kind_pb.js'
import type { ApiResourceMetadata } from '../gen/ai/stigmer/commons/apiresource/metadata_pb.js'
import type { ApiResourceAudit } from '../gen/ai/stigmer/commons/apiresource/status_pb.js'
import type { Vault } from '../secrets/vault.js'
import type { StoredRecord } from '../storage/store.js'
import type { View } from './call.js'

/** What a resource of any kind has. */
export interface Resource {
  readonly metadata?: ApiResourceMetadata
}

/** What the server adds to a new resource. */
export interface ServerState {
  readonly id: string
  readonly slug: string
  readonly audit: ApiResourceAudit
}

/** All that the steps know of a kind of resource. */
export interface ResourceKind<R extends Resource> {
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
  /** A new resource: what the caller sent, and what the server adds. */
  build (input: R, state: ServerState): R
  /** The record of a new resource, its secrets sealed, and the answer that shows it and brings `runToken`. */
  seal (resource: R, vault: Vault, view: View, runToken: RunToken | undefined): Awaitable<{ record: StoredRecord, answer: Answer }>
  /** The answer that shows a stored resource. */
  show (record: StoredRecord, view: View, vault: Vault): Awaitable<Answer>
  /** The organization that a stored resource belongs to; empty where it belongs to none. */
  orgOf (record: StoredRecord): string
}

/** A resource as an operation answers it. */
export interface Answer {
  readonly view: View
  /** The resource as JSON, ready to send. */
  readonly json: string
  /** The names of the secrets that `json` holds; absent where it holds none. */
  readonly revealed?: readonly string[]
}

type Named = Pick<ResourceKind<Resource>, 'title'>

export const notFound = (kind: Named, by: 'id' | 'slug', value: string) =>
  new GatewayError('not_found', `no ${kind.title} with ${by} '${value}'`)

export const alreadyExists = (kind: Named, slug: string, existingId: string | undefined) =>
  new GatewayError('already_exists', `${kind.title} with slug '${slug}' already exists`, { existingId })
