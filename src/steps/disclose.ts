import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import type { Vault } from '../secrets/vault.js'
import type { StoredRecord } from '../storage/store.js'
import { eventOf, type Auditor } from './audit-event.js'
import type { Origin, ReadCall, View } from './call.js'
import type { Reading, Resource, ResourceKind } from './resource-kind.js'

interface Needs extends Pick<ReadCall<unknown>, 'held' | 'sizeOnly'> {
  readonly origin: Origin
  readonly record: StoredRecord
  readonly view: View
}

/**
 * Makes the answer to a read of the loaded resource, and records what it shows. What reveals a secret is in the audit
 * log before anybody sees the answer; anything else is a `read`, recorded when that can be done. Of what the caller has
 * already nothing is opened.
 */
export const disclose = <R extends Resource>(audit: Auditor, vault: Vault, operation: string, kind: ResourceKind<R>) =>
  step('Disclose', ({ origin, record, view, held, sizeOnly }: Needs): { answer: Reading } | Promise<{ answer: Reading }> => {
    const { caller } = origin
    // Another may have taken the slug since `Authorize`.
    if (caller.kind === 'run' && caller.contextId !== record.id) throw new GatewayError('aborted', 'it was replaced meanwhile; try again')
    const read = (answer: Reading) => {
      audit.recordEventually(eventOf('read', operation, origin, record))
      return { answer }
    }
    if (isHeld(held, record, view)) return read({ view })
    const answer = kind.show(record, view, vault)
    if (sizeOnly) return read({ view, bytes: Buffer.byteLength(answer.json) })
    if (answer.revealed === undefined) return read(answer)
    return audit.record(eventOf('revealed', operation, origin, record, answer.revealed)).then(() => ({ answer }))
  })

const isHeld = (held: Needs['held'], { id, revision }: StoredRecord, view: View) =>
  held === 'any' || (held !== undefined && held.some(shown => shown.id === id && shown.revision === revision && shown.view === view))
