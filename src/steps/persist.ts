import { GatewayError } from '../errors.js'
import { commit } from '../pipeline/pipeline.js'
import type { Answer } from '../resource/answer.js'
import { eventOf, type Auditor, type Happening } from '../resource/audit-event.js'
import { alreadyExists, type KindNames, type Resource } from '../resource/kind.js'
import { resourceEvent } from '../resource/resource-event.js'
import type { Store, StoredRecord } from '../storage/store.js'

interface Needs extends Happening {
  readonly resource: Resource
  readonly record: StoredRecord
  readonly answer: Answer<unknown>
}

/**
 * Stores the new resource, and with it in one commit the events that say so and what is to be remembered of the call, if anything.
 * Of many at once with one slug exactly one succeeds; when it has, all of that is durable.
 */
export const persist = (store: Store, audit: Auditor, kind: KindNames) =>
  commit('Persist', async (ctx: Needs | Needs & { readonly remembered: StoredRecord | undefined }) => {
    const { resource: { metadata }, record, answer, origin } = ctx
    audit.admit()
    try {
      await store.insert(record, {
        events: [resourceEvent('created', record, { ...origin, version: { id: metadata?.version?.id ?? '' } })],
        audit: [eventOf('created', ctx, record, answer.revealed)],
        records: 'remembered' in ctx && ctx.remembered !== undefined ? [ctx.remembered] : []
      })
    } catch (error) {
      const { code, existingId } = GatewayError.from(error)
      throw code === 'already_exists' ? alreadyExists(kind, record.slug ?? '', existingId) : error
    }
  })
