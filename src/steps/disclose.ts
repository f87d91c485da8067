import { andThen, type Awaitable } from '../awaitable.js'
import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import { answerOf, type Answer, type Reading } from '../resource/answer.js'
import { eventOf, type Auditor, type Happening } from '../resource/audit-event.js'
import type { ReadCall, View } from '../resource/call.js'
import type { Resource, ResourceKind } from '../resource/kind.js'
import { shownRevision } from '../resource/revision.js'
import type { Opened } from '../resource/sealed-record.js'

interface Needs extends Happening, Pick<ReadCall<unknown>, 'held' | 'sizeOnly'> {
  readonly opened: Opened
  readonly view: View
}

/**
 * Makes the answer to a read of the loaded resource, and records what it shows. What reveals a secret is in the audit
 * log before anybody sees the answer; anything else is a `read`, recorded when that can be done.
 */
export const disclose = <R extends Resource>(audit: Auditor, kind: ResourceKind<R>) => {
  type Disclosed = { answer: Reading<R> }

  const read = (ctx: Needs, answer: Reading<R>): Disclosed => {
    audit.recordEventually(eventOf('read', ctx, ctx.opened.record))
    return { answer }
  }
  const show = (ctx: Needs, answer: Answer<R>): Awaitable<Disclosed> => {
    const { id, revision, view } = answer
    if (ctx.sizeOnly) return read(ctx, { id, revision, view, bytes: Buffer.byteLength(answer.json) })
    if (answer.revealed === undefined) return read(ctx, answer)
    return audit.record(eventOf('revealed', ctx, ctx.opened.record, answer.revealed)).then(() => ({ answer }))
  }
  return step('Disclose', (ctx: Needs): Awaitable<Disclosed> => {
    const { origin: { caller }, opened, opened: { record }, view } = ctx
    // Another may have taken the slug since `Authorize`.
    if (caller.kind === 'run' && caller.contextId !== record.id) throw new GatewayError('aborted', 'it was replaced meanwhile; try again')
    if (isHeld(ctx)) return read(ctx, { id: record.id, revision: shownRevision(record.revision), view })
    return andThen(answerOf(kind, opened, view), answer => show(ctx, answer))
  })
}

const isHeld = ({ held, opened: { record: { id, revision } }, view }: Needs): boolean => held === 'any' || (held !== undefined &&
  held.some(shown => shown.id === id && shown.revision === shownRevision(revision) && shown.view === view))
