import { step } from '../pipeline/pipeline.js'
import { answerOf } from '../resource/answer.js'
import type { LoadedPage, Page } from '../resource/answers.js'
import { eventOf, type Auditor, type Happening } from '../resource/audit-event.js'
import type { Resource, ResourceKind } from '../resource/kind.js'

interface Needs extends Happening {
  readonly page: LoadedPage
}

/** Makes the answer that shows the loaded page, without any secret, and records that it was read. */
export const disclosePage = <R extends Resource>(audit: Auditor, kind: ResourceKind<R>) =>
  step('DisclosePage', async (ctx: Needs): Promise<{ answer: Page<R> }> => {
    const { opened, ...rest } = ctx.page
    audit.recordEventually(eventOf('listed', ctx))
    return { answer: { answers: await Promise.all(opened.map(found => answerOf(kind, found, 'redacted'))), ...rest } }
  })
