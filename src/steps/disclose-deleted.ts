import { step } from '../pipeline/pipeline.js'
import type { Answer } from '../resource/answer.js'
import { eventOf, type Auditor, type Happening } from '../resource/audit-event.js'
import type { View } from '../resource/call.js'
import type { Resource, ResourceKind } from '../resource/kind.js'
import { showResource } from '../resource/sealed-body.js'
import type { Vault } from '../secrets/vault.js'
import type { StoredRecord } from '../storage/store.js'

/**
 * Makes the answer that shows the deleted resource, and records that it is gone. It is: so neither a key that cannot
 * be had nor an audit log that cannot be written makes this fail, but then the answer is redacted.
 */
export const discloseDeleted = <R extends Resource>(audit: Auditor, vault: Vault, kind: ResourceKind<R>) =>
  step('DiscloseDeleted', async (ctx: Happening & { record: StoredRecord, view: View }): Promise<{ answer: Answer<R> }> => {
    const { record, view } = ctx
    const event = eventOf('deleted', ctx, record)
    try {
      const answer = await showResource(vault, kind, record, view)
      if (answer.revealed !== undefined) {
        await audit.record(eventOf('deleted', ctx, record, answer.revealed))
        return { answer }
      }
    } catch {
      // The reason is in the log already, or was the deleted record's own.
    }
    await audit.record(event).catch(() => audit.recordEventually(event))
    return { answer: await showResource(vault, kind, record, 'redacted') }
  })
