import { step } from '../pipeline/pipeline.js'
import type { Vault } from '../secrets/vault.js'
import type { StoredRecord } from '../storage/store.js'
import { eventOf, type Auditor } from './audit-event.js'
import type { Origin, View } from './call.js'
import type { Answer, Resource, ResourceKind } from './resource-kind.js'

/**
 * Makes the answer that shows the deleted resource, and records that it is gone. It is: so neither a key that cannot
 * be had nor an audit log that cannot be written makes this fail, but then the answer is redacted.
 */
export const discloseDeleted = <R extends Resource>(audit: Auditor, vault: Vault, operation: string, kind: ResourceKind<R>) =>
  step('DiscloseDeleted', async ({ origin, record, view }: { origin: Origin, record: StoredRecord, view: View }): Promise<{ answer: Answer }> => {
    const event = eventOf('deleted', operation, origin, record)
    try {
      const answer = await kind.show(record, view, vault)
      if (answer.revealed !== undefined) {
        await audit.record(eventOf('deleted', operation, origin, record, answer.revealed))
        return { answer }
      }
    } catch {
      // The reason is in the log already, or was the deleted record's own.
    }
    await audit.record(event).catch(() => audit.recordEventually(event))
    return { answer: await kind.show(record, 'redacted', vault) }
  })
