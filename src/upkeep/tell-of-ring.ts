import { createHmac, type KeyObject } from 'node:crypto'
import type { AuditEvent, AuditEventName } from '../audit/event.js'
import { SYSTEM } from '../auth/caller.js'
import { GatewayError } from '../errors.js'
import type { KeyInfo } from '../secrets/key-row.js'
import type { KeyRing } from '../secrets/ring.js'
import type { Integrity } from '../storage/integrity.js'
import type { Store } from '../storage/store.js'

export interface Told {
  readonly ring: KeyRing
  readonly store: Store
  readonly integrity?: Integrity | undefined
  /** What wraps the ring, if anything does. */
  readonly rootKey?: KeyObject | undefined
}

/** How the ring was when the audit log was told of it last. */
interface Note {
  readonly keys: Readonly<Record<string, KeyInfo['state']>>
  /** Of the root key a fingerprint, or `null`. */
  readonly wrappedBy: string | null
}

/** As the store files what was told last: of one store's audit log, and so never copied to another. */
export const RING_NOTE_KIND = 'key_ring'
const PLACE = { kind: RING_NOTE_KIND, id: 'told' }

/**
 * Has the audit log tell how the ring differs from what it told last, whoever changed it, in the commit that keeps what it told: nothing
 * is missed or told twice, also where many gateways look at once. Where nothing was told before, the ring is taken as it is. While
 * nothing proves what is kept, or the ring cannot be used, it waits.
 */
export async function tellOfRing (told: Told): Promise<void> {
  const { ring, store, integrity, rootKey } = told
  if (integrity?.isProved === false) return
  const found = await store.find(PLACE.kind, PLACE.id)
  // No earlier: another gateway may have told of what this one has not seen.
  await ring.refresh()
  if (!ring.usable) return
  const note: Note = {
    keys: Object.fromEntries(ring.list().map(({ id, state }) => [id, state])),
    wrappedBy: rootKey === undefined ? null : createHmac('sha256', rootKey).update('ectx ring note 1').digest('hex')
  }
  const record = { ...PLACE, scope: '', indexed: {}, revision: 1 + (found?.revision ?? 0), body: Buffer.from(JSON.stringify(note)) }
  if (found !== undefined && record.body.equals(found.body)) return
  try {
    if (found === undefined) await store.insert(record)
    else await store.replace(record, found.revision, { audit: changes(JSON.parse(Buffer.from(found.body).toString()), note) })
  } catch (error) {
    const { code } = GatewayError.from(error)
    if (code !== 'aborted' && code !== 'already_exists') throw error
    // Another gateway has told; there may be more by now.
    return tellOfRing(told)
  }
}

function changes (before: Note, after: Note): AuditEvent[] {
  const [was, is] = [new Map(Object.entries(before.keys)), new Map(Object.entries(after.keys))]
  const ids = [...is.keys()]
  const isReplaced = [...was].some(([id, state]) => !is.has(id) || (state === 'destroyed' && is.get(id) !== 'destroyed'))
  return [
    ...isReplaced ? [eventOf('replaced_ring', ids.find(id => is.get(id) === 'active'))] : [],
    ...before.wrappedBy === after.wrappedBy ? [] : [eventOf('wrapped_ring')],
    ...ids.filter(id => !was.has(id)).map(id => eventOf('rotated_key', id)),
    ...ids.filter(id => is.get(id) === 'destroyed' && was.get(id) !== 'destroyed').map(id => eventOf('destroyed_key', id))
  ]
}

const eventOf = (event: AuditEventName, keyId?: string): AuditEvent => ({ event, caller: SYSTEM, key_id: keyId, outcome: 'ok' })
