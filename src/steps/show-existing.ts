import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import { answerOf, type Answer } from '../resource/answer.js'
import type { Auditor } from '../resource/audit-event.js'
import type { View } from '../resource/call.js'
import type { Resource, ResourceKind } from '../resource/kind.js'
import { openRecord } from '../resource/sealed-record.js'
import type { Vault } from '../secrets/vault.js'
import type { StoredRecord } from '../storage/store.js'

/**
 * Makes the answer that will show what is to be deleted, as it is, or says why nothing of it can be shown. Neither a key that
 * cannot be had nor an audit log that is behind keeps anything from being deleted: then the answer is redacted.
 */
export const showExisting = <R extends Resource>(audit: Auditor, vault: Vault, kind: ResourceKind<R>) =>
  step('ShowExisting', async ({ existing, view }: { existing: StoredRecord, view: View }): Promise<{ shown: Answer<R> | GatewayError }> => {
    try {
      const opened = await openRecord(vault, existing)
      try {
        audit.admit()
        return { shown: answerOf(kind, opened, view) }
      } catch {
        return { shown: answerOf(kind, opened, 'redacted') }
      }
    } catch (error) {
      return { shown: GatewayError.from(error) }
    }
  })
