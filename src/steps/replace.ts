import { commit } from '../pipeline/pipeline.js'
import type { Answer } from '../resource/answer.js'
import { eventOf, type Auditor, type Happening } from '../resource/audit-event.js'
import { resourceEvent, type Version } from '../resource/resource-event.js'
import type { Opened } from '../resource/sealed-record.js'
import type { Store, StoredRecord } from '../storage/store.js'

interface Needs extends Happening {
  readonly opened: Opened
  readonly record: StoredRecord
  readonly answer: Answer<unknown>
  readonly version: Version
  /** The names of the values that are new. */
  readonly keys: readonly string[]
  readonly previous: StoredRecord | undefined
  readonly remembered: StoredRecord | undefined
}

/**
 * Stores the next version in the place of the one that was loaded, and with it in one commit that one, the events that say so and what the
 * answer reveals, and what is to be remembered of the call, if anything. When it has, all of that is durable.
 * @throws `aborted` where another version has come meanwhile, or the resource is gone: then nothing is stored
 */
export const replace = (store: Store, audit: Auditor) => commit('Replace', async (ctx: Needs) => {
  const { opened, record, answer: { revealed }, version, keys, previous, remembered } = ctx
  audit.admit()
  const events = [eventOf('rotated', ctx, record, keys), ...revealed === undefined ? [] : [eventOf('revealed', ctx, record, revealed)]]
  await store.replace(record, opened.record.revision, {
    events: [resourceEvent('rotated', record, { ...ctx.origin, version, keys })],
    audit: events,
    records: [previous, remembered].filter(more => more !== undefined)
  })
})
