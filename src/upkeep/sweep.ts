import { setImmediate } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { AuditEvent } from '../audit/event.js'
import { SYSTEM } from '../auth/caller.js'
import { latestExpireTimeOf } from '../resource/body-codec.js'
import { IDEMPOTENCY_KIND } from '../resource/idempotency.js'
import { resourceEvent, type ResourceEventType } from '../resource/resource-event.js'
import { isVersionKind } from '../resource/versions.js'
import type { Along, Store, StoredRecord } from '../storage/store.js'

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
  const told = new Set<string>()
  const tell = (damaged: readonly string[]) => {
    const ids = damaged.filter(id => !told.has(id))
    for (const id of ids) told.add(id)
    if (ids.length > 0) log.error({ ids }, 'what has expired cannot be read, and so stays in the database; nobody is shown it')
  }
  const look = () => {
    working ??= sweepAll(store, () => isStopped)
      .then(tell, err => log.error({ err }, 'what has expired cannot be removed'))
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

/** Removes all that has expired, in small batches between which others get their turn. Answers the ids of what cannot be read. */
export async function sweepAll (store: Store, isStopped = () => false): Promise<string[]> {
  const unreadable: string[] = []
  while (!isStopped()) {
    const { removed, damaged } = await store.sweep(BATCH, tellOf)
    unreadable.push(...damaged)
    if (removed.length + damaged.length < BATCH) break
    await setImmediate()
  }
  return unreadable
}

// What is kept of a call, or of what a resource was before, is no resource that anybody asked for.
const tellOf = (record: StoredRecord): Along => record.kind === IDEMPOTENCY_KIND || isVersionKind(record.kind)
  ? {}
  : { events: [resourceEvent(endOf(record), record, { caller: SYSTEM })], audit: [expiredEvent(record)] }

/** Whether its time to live was over, or before that no heartbeat came any more. */
const endOf = (record: StoredRecord): ResourceEventType =>
  latestExpireTimeOf(record) === record.expireTime ? 'expired' : 'heartbeat_missed'

const expiredEvent = ({ id, slug, indexed }: StoredRecord): AuditEvent =>
  ({ event: 'expired', caller: SYSTEM, context_id: id, slug, execution_id: indexed.execution_id?.[0], outcome: 'ok' })
