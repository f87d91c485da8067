import { andThen, type Awaitable } from '../awaitable.js'
import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import type { Vault } from '../secrets/vault.js'
import type { StoredRecord } from '../storage/store.js'
import { eventOf, type Auditor } from './audit-event.js'
import type { Origin, View } from './call.js'
import type { Answer, Resource, ResourceKind } from './resource-kind.js'

/**
 * Makes the answer that shows the loaded resource, and records that. What reveals a secret is in the audit log before
 * anybody sees the answer; anything else is recorded when that can be done.
 */
export const disclose = <R extends Resource>(audit: Auditor, vault: Vault, operation: string, kind: ResourceKind<R>) =>
  step('Disclose', ({ origin, record, view }: { origin: Origin, record: StoredRecord, view: View }): Awaitable<{ answer: Answer }> => {
    const { caller } = origin
    // Another may have taken the slug since `Authorize`.
    if (caller.kind === 'run' && caller.contextId !== record.id) throw new GatewayError('aborted', 'it was replaced meanwhile; try again')
    return andThen<Answer, { answer: Answer }>(kind.show(record, view, vault), answer => {
      if (answer.revealed === undefined) {
        audit.recordEventually(eventOf('read', operation, origin, record))
        return { answer }
      }
      return audit.record(eventOf('revealed', operation, origin, record, answer.revealed)).then(() => ({ answer }))
    })
  })
