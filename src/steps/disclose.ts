import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import type { Answer } from '../resource/answer.js'
import { eventOf, type Auditor, type Happening } from '../resource/audit-event.js'
import type { View } from '../resource/call.js'
import type { Resource, ResourceKind } from '../resource/kind.js'
import { showResource } from '../resource/sealed-body.js'
import type { Vault } from '../secrets/vault.js'
import type { StoredRecord } from '../storage/store.js'

/**
 * Makes the answer that shows the loaded resource, and records that. What reveals a secret is in the audit log before
 * anybody sees the answer; anything else is recorded when that can be done.
 */
export const disclose = <R extends Resource>(audit: Auditor, vault: Vault, kind: ResourceKind<R>) => {
  const record = (ctx: Happening & { record: StoredRecord }, answer: Answer<R>): { answer: Answer<R> } | Promise<{ answer: Answer<R> }> => {
    if (answer.revealed === undefined) {
      audit.recordEventually(eventOf('read', ctx, ctx.record))
      return { answer }
    }
    return audit.record(eventOf('revealed', ctx, ctx.record, answer.revealed)).then(() => ({ answer }))
  }
  return step('Disclose', (ctx: Happening & { record: StoredRecord, view: View }) => {
    const { origin: { caller } } = ctx
    // Another may have taken the slug since `Authorize`.
    if (caller.kind === 'run' && caller.contextId !== ctx.record.id) throw new GatewayError('aborted', 'it was replaced meanwhile; try again')
    const shown = showResource(vault, kind, ctx.record, ctx.view)
    return shown instanceof Promise ? shown.then(answer => record(ctx, answer)) : record(ctx, shown)
  })
}
