import { step } from '../pipeline/pipeline.js'
import { answerOf } from '../resource/answer.js'
import type { Batch, LoadedBatch } from '../resource/answers.js'
import { eventOf, type Auditor, type Happening } from '../resource/audit-event.js'
import type { View } from '../resource/call.js'
import type { Resource, ResourceKind } from '../resource/kind.js'

interface Needs extends Happening {
  readonly batch: LoadedBatch
  readonly view: View
}

/**
 * Makes the answer that shows the loaded resources, and records what it shows of each. All that reveals a secret is in the audit
 * log before anybody sees the answer.
 */
export const discloseBatch = <R extends Resource>(audit: Auditor, kind: ResourceKind<R>) =>
  step('DiscloseBatch', async (ctx: Needs): Promise<{ answer: Batch<R> }> => {
    const { batch: { opened, notFound }, view } = ctx
    const answers = await Promise.all(opened.map(found => answerOf(kind, found, view)))
    await Promise.all(answers.map(async ({ revealed }, index) => {
      const { record } = opened[index]!
      if (revealed !== undefined) await audit.record(eventOf('revealed', ctx, record, revealed))
      else audit.recordEventually(eventOf('read', ctx, record))
    }))
    return { answer: { answers, notFound } }
  })
