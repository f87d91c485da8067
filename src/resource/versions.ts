import type { Awaitable } from '../awaitable.js'
import { GatewayError } from '../errors.js'
import type { Vault } from '../secrets/vault.js'
import type { Filter, Store, StoredRecord } from '../storage/store.js'
import type { KindNames } from './kind.js'
import { versionOf } from './resource-event.js'
import { copyOf, openRecord, shredSecrets, type Opened } from './sealed-record.js'

// What a resource was before its secrets were rotated: a record of a kind of its own, by the id of the version, for as long as it may
// still be read. It is committed with what takes its place, and nothing but the resource's metadata and an index leads to it.

const SUFFIX = '_version'
const BATCH = 100

const versionKind = ({ name }: KindNames) => name + SUFFIX
const ofResource = (id: string): Filter => ({ indexed: [{ attribute: 'resource', value: id }] })

/** Whether records of that kind are what resources were before. */
export const isVersionKind = (kind: string): boolean => kind.endsWith(SUFFIX)

/** The record that keeps what was opened until then, by the id of its version. @throws `unavailable` where its key cannot be had */
export const keptVersion = (vault: Vault, kind: KindNames, opened: Opened, versionId: string, until: number): Awaitable<StoredRecord> =>
  copyOf(vault, opened, { kind: versionKind(kind), id: versionId, indexed: { resource: [opened.record.id] } }, until)

/**
 * The resource as it was as that version, where that may still be read; `undefined` where not.
 * @throws as `openRecord`
 */
export async function findVersion (
  store: Store, vault: Vault, kind: KindNames, current: StoredRecord, id: string
): Promise<Opened | undefined> {
  const kept = await store.find(versionKind(kind), id)
  if (kept === undefined) return undefined
  const opened = await openRecord(vault, kept, current.id)
  // What was another resource is no version of this one.
  if (kept.indexed.resource?.[0] !== current.id) return undefined
  return { ...opened, record: { ...current, revision: kept.revision } }
}

/** Has the secrets of all that `record` was before, and may still be read, never be had again. @throws as `shredSecrets` */
export async function shredVersions (store: Store, vault: Vault, kind: KindNames, record: StoredRecord): Promise<void> {
  await eachPage(store, kind, record, async kept => {
    await Promise.all(kept.map(async version => shredSecrets(vault, await openRecord(vault, version, record.id))))
  })
}

/**
 * Removes all that `record`, which is gone, was before, and tells nobody: what is kept of it is not shown any more. So it may fail: then
 * that goes when its time is over.
 */
export async function removeVersions (store: Store, kind: KindNames, record: StoredRecord): Promise<void> {
  await eachPage(store, kind, record, async kept => {
    await Promise.all(kept.map(({ kind, id }) => store.remove(kind, id)))
  }).catch(() => {})
}

async function eachPage (
  store: Store, kind: KindNames, record: StoredRecord, work: (kept: readonly StoredRecord[]) => Promise<void>
): Promise<void> {
  if (versionOf(record)?.previous_version_id === undefined) return
  let cursor: string | undefined
  do {
    const { records, cursor: next } = await store.page(versionKind(kind), ofResource(record.id), cursor, BATCH)
    await work(records)
    cursor = next
  } while (cursor !== undefined)
}

/** What a caller asks for who wants no version before. */
export const isCurrent = (asked: string, { json }: Opened): boolean =>
  asked === '' || asked === 'latest' || asked === JSON.parse(json).metadata.version?.id

export const versionGone = (kind: KindNames, id: string) => new GatewayError(
  'not_found',
  `${kind.title} '${id}' has no such version, or not any more: one is kept for its grace; leave version out to get the current one`
)
