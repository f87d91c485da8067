import type { Clock } from '../../../clock.js'
import { idTaken, slugTaken, staleRevision } from '../../../storage/refusals.js'
import type { Along, AlongStored, AlongRemoval, Life, StoredRecord } from '../../../storage/store.js'
import { encodeRecord, encodeValue } from './level-codec.js'
import { expireTimeKey, expiryKey, indexKeys, recordKey, slugKey } from './level-keys.js'
import { readHolder, readRecord, type Read } from './level-reader.js'

export type Write =
  | { readonly type: 'put', readonly key: string, readonly value: Buffer }
  | { readonly type: 'del', readonly key: string }

/** What a change writes, what comes along, and what its caller is told. */
export interface Decided<Result> {
  readonly writes: readonly Write[]
  readonly along?: Along
  readonly result: Result
}

/** A conditional change: looks at what is there when it is its turn and decides, or throws what to refuse it with. */
export type Change<Result> = (read: Read) => Decided<Result>

const EMPTY = Buffer.alloc(0)

/** The changes that the `Store` contract promises, as what each reads and writes. */
export class LevelChanges {
  readonly #clock: Clock

  constructor (clock: Clock) {
    this.#clock = clock
  }

  isLive = ({ expireTime }: StoredRecord): boolean => expireTime === undefined || !this.isExpired(expireTime)
  isExpired = (expireTime: number): boolean => expireTime <= this.#clock.now()

  insert = (record: StoredRecord, { records = [], ...along }: AlongStored = {}): Change<undefined> => read =>
    ({ writes: [record, ...records].flatMap(record => this.#insert(read, record)), along, result: undefined })

  replace = (record: StoredRecord, revision: number, { records = [], ...along }: AlongStored = {}): Change<undefined> => read => {
    const current = this.#live(read, record.kind, record.id)
    if (current?.revision !== revision) throw staleRevision(record.id, revision)
    this.#assertSlugFree(read, record)
    const { expireTime, expireProof } = current
    const more = records.flatMap(record => this.#insert(read, record))
    return { writes: [...removal(read, current), ...puts({ ...record, expireTime, expireProof }), ...more], along, result: undefined }
  }

  renew = (kind: string, id: string, life: Life, along?: Along): Change<boolean> => read => {
    const record = this.#live(read, kind, id)
    if (record === undefined) return { writes: [], result: false }
    const renewed = { ...record, expireProof: undefined, ...life }
    // What did not expire before has to say that it does now.
    const former = record.expireTime === undefined
      ? put(recordKey(kind, id), encodeRecord(renewed))
      : del(expiryKey(kind, id, record.expireTime))
    return { writes: [former, ...expiryPuts(renewed)], along, result: true }
  }

  remove = (kind: string, id: string, revisions?: readonly number[], along?: AlongRemoval): Change<StoredRecord | undefined> => read => {
    const record = this.#live(read, kind, id)
    if (record === undefined) return { writes: [], result: undefined }
    if (revisions !== undefined && !revisions.includes(record.revision)) throw staleRevision(id, ...revisions)
    return { writes: removal(read, record), along: along?.(record), result: record }
  }

  /** Removes the record that is in the expiry index, unless it has been renewed or removed meanwhile. */
  expire = (kind: string, id: string, along?: AlongRemoval): Change<StoredRecord | undefined> => read => {
    const record = readRecord(read, kind, id)
    if (record === undefined || this.isLive(record)) return { writes: [], result: undefined }
    return { writes: removal(read, record), along: along?.(record), result: record }
  }

  #insert (read: Read, record: StoredRecord): Write[] {
    const former = readRecordForId(read, record)
    if (former !== undefined && this.isLive(former)) throw idTaken(record.id)
    this.#assertSlugFree(read, record)
    return [...former === undefined ? [] : removal(read, former), ...puts(record)]
  }

  #live (read: Read, kind: string, id: string): StoredRecord | undefined {
    const record = readRecord(read, kind, id)
    return record !== undefined && this.isLive(record) ? record : undefined
  }

  #assertSlugFree (read: Read, { kind, scope, slug, id }: StoredRecord): void {
    if (slug === undefined) return
    const holderId = readHolder(read, kind, scope, slug)
    if (holderId === undefined || holderId === id) return
    let holder: StoredRecord | undefined
    try {
      holder = readRecord(read, kind, holderId)
    } catch {
      throw slugTaken(slug, holderId)
    }
    if (holder === undefined || this.isLive(holder)) throw slugTaken(slug, holderId)
  }
}

/** Whether the id is taken, though by what cannot be read. */
function readRecordForId (read: Read, { kind, id }: StoredRecord): StoredRecord | undefined {
  try {
    return readRecord(read, kind, id)
  } catch {
    throw idTaken(id)
  }
}

function puts (record: StoredRecord): Write[] {
  const { kind, id, scope, slug } = record
  const writes = [put(recordKey(kind, id), encodeRecord(record)), ...indexKeys(record).map(key => put(key, EMPTY))]
  if (slug !== undefined) writes.push(put(slugKey(kind, scope, slug), Buffer.from(id)))
  return [...writes, ...expiryPuts(record)]
}

function expiryPuts ({ kind, id, expireTime, expireProof }: StoredRecord): Write[] {
  if (expireTime === undefined) return []
  const key = expireTimeKey(kind, id)
  return [put(key, encodeValue(key, String(expireTime), expireProof)), put(expiryKey(kind, id, expireTime), EMPTY)]
}

function removal (read: Read, record: StoredRecord): Write[] {
  const { kind, id, scope, slug, expireTime } = record
  const keys = [recordKey(kind, id), ...indexKeys(record)]
  // Having expired it may have given its slug away.
  if (slug !== undefined && readHolder(read, kind, scope, slug) === id) keys.push(slugKey(kind, scope, slug))
  if (expireTime !== undefined) keys.push(expireTimeKey(kind, id), expiryKey(kind, id, expireTime))
  return keys.map(del)
}

export const put = (key: string, value: Buffer): Write => ({ type: 'put', key, value })
export const del = (key: string): Write => ({ type: 'del', key })
