import type { AuditEvent } from '../audit/event.js'
import type { StoreEvent } from './feed.js'

/** Until when a record is there. */
export interface Life {
  /** Milliseconds since 1970; from then on the record is not there. Absent where it does not expire. */
  readonly expireTime?: number
  /** What proves the time to whoever sealed the record; the store keeps it with the time. */
  readonly expireProof?: Uint8Array
}

/** What a store keeps of a resource. It understands everything but `body` and proofs. */
export interface StoredRecord extends Life {
  /** The kind of resource, such as `execution_context`; ids are unique within one. */
  readonly kind: string
  readonly id: string
  /** Where the slug is unique, among the records of the kind: an organization, say, or `''` where it is unique everywhere. */
  readonly scope: string
  /** Absent where nothing is looked up by it. */
  readonly slug?: string
  /** By what records are found in lists: the values of each attribute. */
  readonly indexed: Readonly<Record<string, readonly string[]>>
  /** The ring key that `body` is sealed with; absent where nothing in it is sealed. */
  readonly sealedBy?: string
  /** Starts at 1; each `replace` that must not be lost to another sets another. */
  readonly revision: number
  readonly body: Uint8Array
}

/** What is committed with a change, and not without it. */
export interface Along {
  /** For the feed. */
  readonly events?: readonly StoreEvent[]
  /** For the audit log, which has them once they are durable. */
  readonly audit?: readonly AuditEvent[]
}

/** What is committed with a record that is stored. */
export interface AlongStored extends Along {
  /** More records, all of them new. Where the id or slug of one is taken, nothing is stored. */
  readonly records?: readonly StoredRecord[]
}

/** What is committed with a removal, which depends on what is removed. */
export type AlongRemoval = (removed: StoredRecord) => Along

/** Which records of a kind: those that have all of this. */
export interface Filter {
  /** Each `value` is among the values of its indexed `attribute`. */
  readonly indexed?: ReadonlyArray<{ readonly attribute: string, readonly value: string }>
  /** Milliseconds since 1970: the record expires before. */
  readonly expiresBefore?: number
}

interface Part {
  /** The ids of those that belong here but cannot be read: they hide no other. */
  readonly damaged: readonly string[]
  /** Continues behind this part; absent where there is no more. */
  readonly cursor?: string
}

export interface Page extends Part {
  readonly records: readonly StoredRecord[]
}

export interface Removed extends Part {
  readonly removed: readonly StoredRecord[]
}

export interface Swept {
  readonly removed: readonly StoredRecord[]
  /** The ids of expired records that cannot be read, and so stay. */
  readonly damaged: readonly string[]
}

/**
 * What every storage engine promises; `test/storage/conformance.ts` checks it. Semantic rather than get and set, so
 * that an engine can do each thing its own best way; calls that nobody awaits may be settled in any order. Kinds, ids, scopes, slugs and
 * what is indexed hold no NUL. A record that has expired, by the engine's clock, is there for `sweep`
 * alone. A change is all or nothing with what comes along, and as durable as the engine when it resolves. Any method rejects
 * with a GatewayError `unavailable` where the engine cannot work now or is closed, and with `internal` where a record is
 * damaged: never with "not found".
 */
export interface Store {
  /**
   * An expired record that has the slug gives it away in the same commit; one that has the id goes.
   * @throws `already_exists` with the holder's id, where id or slug is taken
   */
  insert (record: StoredRecord, along?: AlongStored): Promise<void>
  find (kind: string, id: string): Promise<StoredRecord | undefined>
  findBySlug (kind: string, scope: string, slug: string): Promise<StoredRecord | undefined>
  /**
   * Puts `record` in the place of the one that has its id and `revision`, whose life it keeps: that is for `renew` to move.
   * @throws `aborted` where there is none such, `already_exists` where its slug is another's, or the id or slug of what comes along taken
   */
  replace (record: StoredRecord, revision: number, along?: AlongStored): Promise<void>
  /** Has the record live so long instead, without writing its body again. Answers whether it was there. */
  renew (kind: string, id: string, life: Life & { readonly expireTime: number }, along?: Along): Promise<boolean>
  /**
   * Exactly one of many callers gets the removed record, the others `undefined`.
   * @throws `aborted` where it has none of the `revisions` that are given
   */
  remove (kind: string, id: string, revisions?: readonly number[], along?: AlongRemoval): Promise<StoredRecord | undefined>
  /**
   * Goes through up to `limit` of those that have expired, the first to expire first, and removes each for exactly one caller. Where
   * many follow each other it goes on behind the last ones; where it comes to fewer than `limit` there are no more, for now.
   */
  sweep (limit: number, along?: AlongRemoval): Promise<Swept>
  /**
   * Up to `limit` records behind `cursor`, those with the greatest ids first; fewer, though more follow, where an engine has
   * looked at or read enough for one call. A record that is there throughout is met exactly once, whatever else changes meanwhile.
   */
  page (kind: string, filter: Filter, cursor: string | undefined, limit: number): Promise<Page>
  /** Removes what `page` would answer, each for exactly one caller: those that are left out were gone meanwhile. */
  removePage (kind: string, filter: Filter, cursor: string | undefined, limit: number, along?: AlongRemoval): Promise<Removed>
  /** The kinds that there is a record of, expired or not, readable or not. Reads an index: no record. */
  kinds (): Promise<ReadonlySet<string>>
  /** The keys that a record is sealed by, of any kind, expired or not, readable or not. Reads an index: no record. */
  keysInUse (): Promise<ReadonlySet<string>>
  /** Resolves when a change would be durable now. */
  ready (): Promise<void>
  /** Finishes what was accepted, then refuses everything. */
  close (): Promise<void>
}
