import type { Logger } from 'pino'
import type { Clock } from '../clock.js'
import type { AuditLog } from '../audit/audit-log.js'
import { SYSTEM } from '../auth/caller.js'
import type { KeyRing } from '../secrets/ring.js'
import type { Trees } from '../secrets/trees.js'
import type { Integrity } from '../storage/integrity.js'
import type { Store } from '../storage/store.js'

const EVERY_MS = 10 * 60_000
// A resource may be sealed with a key a little after it retired, by a request that had begun before.
const REST_MS = 10 * 60_000

export interface Keeping {
  readonly ring: KeyRing
  readonly trees: Pick<Trees, 'destroy'>
  readonly store: Store
  readonly integrity?: Integrity | undefined
  readonly audit: AuditLog
  readonly log: Logger
  readonly clock: Clock
  /** How old the key that seals may become. */
  readonly rotateAfterMs: number
}

/** Keeps the key ring in order until the answered function is called: a look now, and then every ten minutes. */
export function keepKeys (keeping: Keeping): () => Promise<void> {
  let working = Promise.resolve()
  const look = () => {
    working = working.then(() => lookAfterKeys(keeping)).catch(
      err => keeping.log.error({ err, problem: keeping.ring.problem }, 'the key ring could not be kept in order')
    )
  }
  look()
  const timer = setInterval(look, EVERY_MS).unref()
  return () => {
    clearInterval(timer)
    return working
  }
}

/** Rotates the ring where its key is old, and destroys the retired keys that seal nothing any more, and the trees of all that are destroyed. */
export async function lookAfterKeys ({ ring, trees, store, integrity, audit, clock, rotateAfterMs }: Keeping): Promise<void> {
  const rotated = await ring.rotateIfOlderThan(rotateAfterMs)
  if (rotated !== undefined) audit.recordEventually({ event: 'rotated_key', caller: SYSTEM, key_id: rotated.id, outcome: 'ok' })
  await integrity?.reseal(ring)

  // What is lost from the store may come back, and its keys are not missed by what is left.
  if (integrity?.isWhole === false) return
  const idle = ring.list().filter(key => key.state === 'retired' && clock.now() - Date.parse(key.retired_at) >= REST_MS).map(({ id }) => id)
  if (idle.length > 0) {
    const used = await store.keysInUse()
    const unused = new Set(idle.filter(id => !used.has(id)))
    const destroyed = unused.size > 0 ? await ring.prune(({ id }) => unused.has(id)) : []
    for (const id of destroyed) audit.recordEventually({ event: 'destroyed_key', caller: SYSTEM, key_id: id, outcome: 'ok' })
  }
  // Also what another process destroyed, or this one when it ended amidst it.
  await trees.destroy(ring.list().filter(({ state }) => state === 'destroyed').map(({ id }) => id))
}
