import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import type { KindNames } from '../resource/kind.js'
import { shownRevision } from '../resource/revision.js'
import type { Opened } from '../resource/sealed-record.js'
import type { StoredRecord } from '../storage/store.js'

type Needs = { readonly onlyRevisions: readonly number[] | undefined } & (
  { readonly existing: StoredRecord } | { readonly opened: Pick<Opened, 'record'> }
)

/** Ends the run where the caller gave revisions that alone may be deleted or changed, and the loaded resource has none of them. */
export const checkRevision = (kind: KindNames) => step('CheckRevision', (ctx: Needs) => {
  const { onlyRevisions } = ctx
  const { id, revision } = 'existing' in ctx ? ctx.existing : ctx.opened.record
  if (onlyRevisions !== undefined && !onlyRevisions.includes(shownRevision(revision))) {
    throw new GatewayError('failed_precondition', `${kind.title} '${id}' has another revision than the ones given; read it again`)
  }
})
