import { GatewayError } from '../errors.js'
import { commit } from '../pipeline/pipeline.js'
import type { Answer } from '../resource/answer.js'
import { eventOf, type Auditor, type Happening } from '../resource/audit-event.js'
import { alreadyExists, type KindNames } from '../resource/kind.js'
import type { Store, StoredRecord } from '../storage/store.js'

/**
 * Stores the new resource. Of many at once with one slug exactly one succeeds; when it has, the resource is durable.
 * It is recorded before it is stored, so that nothing exists of which the audit log does not know; where it then cannot
 * be stored, a second event says so.
 */
export const persist = (store: Store, audit: Auditor, kind: KindNames) =>
  commit('Persist', async (ctx: Happening & { record: StoredRecord, answer: Answer<unknown> }) => {
    const { record, answer } = ctx
    const event = eventOf('created', ctx, record, answer.revealed)
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
