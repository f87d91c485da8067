import { setImmediate } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { AuditEvent } from '../audit/event.js'
import { SYSTEM } from '../auth/caller.js'
import { IDEMPOTENCY_KIND } from '../resource/idempotency.js'
import type { Store, StoredRecord } from '../storage/store.js'

const EVERY_MS = 1_000
const BATCH = 100

export interface Sweeping {
  readonly store: Store
  readonly log: Logger
}

/** Removes what has expired until the answered function is called: now, and then every second. Nobody can tell whether it has. */
export function keepSweeping ({ store, log }: Sweeping): () => Promise<void> {
  let working: Promise<void> | undefined
  let isStopped = false
  const look = () => {
    working ??= sweepAll(store, () => isStopped)
      .catch(err => log.error({ err }, 'what has expired cannot be removed'))
      .finally(() => { working = undefined })
  }
  look()
  const timer = setInterval(look, EVERY_MS).unref()
  return async () => {
    isStopped = true
    clearInterval(timer)
    await working
  }
}

/** Removes all that has expired, in small batches between which others get their turn. */
export async function sweepAll (store: Store, isStopped = () => false): Promise<void> {
  while (!isStopped()) {
    const { removed } = await store.sweep(BATCH, record => record.kind === IDEMPOTENCY_KIND ? {} : { audit: [expiredEvent(record)] })
    if (removed.length < BATCH) return
    await setImmediate()
  }
}

const expiredEvent = ({ id, slug, indexed }: StoredRecord): AuditEvent =>
  ({ event: 'expired', caller: SYSTEM, context_id: id, slug, execution_id: indexed.execution_id?.[0], outcome: 'ok' })
