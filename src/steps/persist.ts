import { GatewayError } from '../errors.js'
import { commit } from '../pipeline/pipeline.js'
import type { Answer } from '../resource/answer.js'
import { eventOf, type Auditor, type Happening } from '../resource/audit-event.js'
import { alreadyExists, type KindNames } from '../resource/kind.js'
import type { Store, StoredRecord } from '../storage/store.js'

/**
 * Stores the new resource, and with it in one commit the event that says so. Of many at once with one slug exactly one
 * succeeds; when it has, both are durable.
 */
export const persist = (store: Store, audit: Auditor, kind: KindNames) =>
  commit('Persist', async (ctx: Happening & { record: StoredRecord, answer: Answer<unknown> }) => {
    const { record, answer } = ctx
    audit.admit()
    try {
      await store.insert(record, { audit: [eventOf('created', ctx, record, answer.revealed)] })
    } catch (error) {
      const { code, existingId } = GatewayError.from(error)
      throw code === 'already_exists' ? alreadyExists(kind, record.slug ?? '', existingId) : error
    }
  })
