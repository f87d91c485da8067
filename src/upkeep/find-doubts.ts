import type { AuditLog } from '../audit/audit-log.js'
import type { AuditRecord } from '../audit/event.js'
import { GatewayError } from '../errors.js'
import { openRecord } from '../resource/sealed-record.js'
import type { Vault } from '../secrets/vault.js'
import type { Doubts, Integrity } from '../storage/integrity.js'
import type { Store } from '../storage/store.js'

/** What is looked through, and what it must agree with. */
export interface Examined {
  readonly integrity: Integrity
  readonly store: Store
  readonly audit: AuditLog
  readonly vault: Vault
  /** The kind of which the audit log tells whatever was made and is gone. */
  readonly kind: string
}

const AT_ONCE = 500

/**
 * What of the kind is not as it should be: what the audit log tells of and is not there, what is there though it was deleted, and what
 * is not as it was sealed. Reads all of the log and all of the kind.
 */
export async function findDoubts (examined: Examined): Promise<Doubts> {
  const { integrity, kind } = examined
  const there = new Set<string>()
  for await (const id of integrity.ids(kind)) there.add(id)
  const missing = new Map<string, AuditRecord>()
  const wrong = new Set<string>()
  for await (const event of eventsOf(examined)) {
    const { context_id: id } = event
    if (id === undefined) continue
    if (event.event === 'created' && !there.has(id)) missing.set(id, event)
    if (event.event === 'deleted' || event.event === 'expired') {
      missing.delete(id)
      if (there.has(id)) wrong.add(id)
    }
  }
  const accounted = new Set([kind])
  const lost = [...missing].map(([id, { slug, execution_id: execution }]) => ({ kind, id, slug, execution }))
  integrity.doubt({ accounted, lost, wrong: [...wrong].map(id => ({ kind, id })) })
  for (const id of there) if (!wrong.has(id) && !await isReadable(examined, id)) wrong.add(id)
  return { accounted, lost, wrong: [...wrong].map(id => ({ kind, id })) }
}

async function * eventsOf ({ audit }: Pick<Examined, 'audit'>): AsyncGenerator<AuditRecord> {
  for (let pageToken: string | undefined; ;) {
    const { events, nextPageToken } = await audit.query({ pageSize: AT_ONCE, pageToken })
    yield * events
    if (nextPageToken === undefined) return
    pageToken = nextPageToken
  }
}

/** Whether the record, where it has not expired, is as it was sealed. */
async function isReadable ({ store, vault, kind }: Examined, id: string): Promise<boolean> {
  try {
    const record = await store.find(kind, id)
    if (record !== undefined) await openRecord(vault, record)
    return true
  } catch (error) {
    // A key that cannot be had says nothing of the record.
    return GatewayError.from(error).code !== 'internal'
  }
}
