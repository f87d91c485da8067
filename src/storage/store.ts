/** What a store keeps of a resource. It understands everything but `body`. */
export interface StoredRecord {
  /** The kind of resource, such as `execution_context`; ids and slugs are unique within one. */
  readonly kind: string
  readonly id: string
  readonly slug: string
  readonly executionId: string
  /** Milliseconds since 1970; absent where the record does not expire. */
  readonly expireTime?: number
  /** Starts at 1; each `replace` sets another. */
  readonly revision: number
  readonly body: Uint8Array
}

/** Which records to page through, and by which index; both absent means all of a kind, by id. */
export type PageFilter =
  | { readonly executionId?: never, readonly expiresBefore?: never }
  | { readonly executionId: string, readonly expiresBefore?: never }
  /** Those whose `expireTime` is less, soonest first. */
  | { readonly expiresBefore: number, readonly executionId?: never }

export interface Page {
  readonly records: readonly StoredRecord[]
  /** The ids of those that belong to the page but cannot be read: they hide no other. */
  readonly damaged: readonly string[]
  /** Continues after the last record; absent on the last page. */
  readonly cursor?: string
}

/**
 * What every storage engine promises; `test/storage/conformance.ts` checks it. Semantic rather than get and set, so
 * that an engine can do each thing its own best way. Any method rejects with a GatewayError `unavailable` where the
 * engine cannot work now or is closed, and with `internal` where a record is damaged: never with "not found".
 */
export interface Store {
  /**
   * All or nothing, and as durable as the engine when it resolves.
   * @throws `already_exists` with the holder's id, where id or slug is taken
   */
  insert (record: StoredRecord): Promise<void>
  find (kind: string, id: string): Promise<StoredRecord | undefined>
  findBySlug (kind: string, slug: string): Promise<StoredRecord | undefined>
  /**
   * Puts `record` in the place of the one that has its id and `revision`.
   * @throws `aborted` where there is none such, `already_exists` where its slug is another's
   */
  replace (record: StoredRecord, revision: number): Promise<void>
  /**
   * Exactly one of many callers gets the removed record, the others `undefined`.
   * @throws `aborted` where it has another revision than the one given
   */
  remove (kind: string, id: string, revision?: number): Promise<StoredRecord | undefined>
  /** Up to `limit` records after `cursor`. A record that is there throughout is met exactly once, whatever else changes meanwhile. */
  page (kind: string, filter: PageFilter, cursor: string | undefined, limit: number): Promise<Page>
  /** Resolves when a change would be durable now. */
  ready (): Promise<void>
  /** Finishes what was accepted, then refuses everything. */
  close (): Promise<void>
}
