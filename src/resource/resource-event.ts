import type { RESOURCE_EVENTS } from '../../schemas/events.js'
import { boundedNames } from '../audit/event.js'
import type { Caller } from '../auth/caller.js'
import type { StoreEvent } from '../storage/feed.js'
import type { StoredRecord } from '../storage/store.js'
import { decodeBody } from './body-codec.js'

export type ResourceEventType = typeof RESOURCE_EVENTS[number]

/** What the feed tells of a change: who, what and when, and by their names the values that are new; never a value, nor a hash of one. */
export interface ResourceEvent {
  readonly type: ResourceEventType
  readonly kind: string
  readonly id: string
  readonly slug?: string | undefined
  /** Where the slug is unique; absent where it is unique everywhere. */
  readonly scope?: string | undefined
  readonly execution_id?: string | undefined
  readonly caller: Pick<Caller, 'name' | 'kind'>
  readonly request_id?: string | undefined
  readonly version?: Version | undefined
  /** With `rotated`: the names of the values that are new, as many as take 4 KiB. */
  readonly keys?: readonly string[] | undefined
  /** How many more are new. */
  readonly keys_left_out?: number
}

/** A version of a resource, as its metadata has it. */
export interface Version {
  readonly id: string
  readonly message?: string
  readonly previous_version_id?: string
}

/** What an event tells beside the resource. */
export interface Told {
  readonly caller: Caller
  readonly requestId?: string
  /** Where it is known without reading the record. */
  readonly version?: Version | undefined
  readonly keys?: readonly string[]
}

/** The event that this happened to the resource of `record`, as the feed keeps it. */
export function resourceEvent (type: ResourceEventType, record: StoredRecord, { caller, requestId, version, keys }: Told): StoreEvent {
  const { kind, id, slug, scope, indexed } = record
  const event: ResourceEvent = {
    type,
    kind,
    id,
    slug,
    scope: scope || undefined,
    execution_id: indexed.execution_id?.[0] || undefined,
    caller: { name: caller.name, kind: caller.kind },
    request_id: requestId,
    version: version ?? versionOf(record),
    ...boundedNames(keys)
  }
  return { kind, id, data: JSON.stringify(event) }
}

/** The event that an event of the feed is. */
export const readResourceEvent = ({ data }: StoreEvent): ResourceEvent => JSON.parse(data)

/** Whether a resource ends with it. */
export const isEnd = ({ type }: ResourceEvent): boolean => type !== 'created' && type !== 'rotated'

/** The version that a record was stored as; absent where that cannot be read. */
export function versionOf (record: StoredRecord): Version | undefined {
  try {
    return JSON.parse(decodeBody(record).json).metadata.version
  } catch {
    return undefined
  }
}
