import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import type { Store, StoredRecord } from '../storage/store.js'
import { eventOf, type Auditor } from '../resource/audit-event.js'
import type { Origin } from '../resource/call.js'
import { alreadyExists, type Answer, type Resource, type ResourceKind } from '../resource/kind.js'

/**
 * Stores the new resource. Of many at once with one slug exactly one succeeds; when it has, the resource is durable.
 * It is recorded before it is stored, so that nothing exists of which the audit log does not know; where it then cannot
 * be stored, a second event says so.
 */
export const persist = <R extends Resource>(store: Store, audit: Auditor, operation: string, kind: ResourceKind<R>) =>
  step('Persist', async ({ origin, record, answer }: { origin: Origin, record: StoredRecord, answer: Answer }) => {
    const event = eventOf('created', operation, origin, record, answer.revealed)
    await audit.record(event)
    try {
      await store.insert(record)
    } catch (error) {
      const refusal = GatewayError.from(error)
      audit.recordEventually({ ...event, keys: undefined, outcome: refusal.code })
      if (refusal.code === 'already_exists') throw alreadyExists(kind, record.slug, refusal.existingId)
      throw error
    }
  })
