import { GatewayError } from '../errors.js'
import { commit } from '../pipeline/pipeline.js'
import { eventOf, type Happening } from '../resource/audit-event.js'
import type { KindNames } from '../resource/kind.js'
import type { Filter, Store } from '../storage/store.js'

const BATCH = 200

/**
 * Removes all that passes the filter and was there when it began, and with each in one commit records that it is gone. Answers the
 * ids of those that it removed itself.
 * @throws `internal` naming those that cannot be read, when all others are gone
 */
export const deleteAll = (store: Store, kind: KindNames) =>
  commit('DeleteAll', async (ctx: Happening & { readonly filter: Filter }): Promise<{ deleted: string[] }> => {
    const deleted: string[] = []
    const damaged: string[] = []
    let cursor: string | undefined
    // The newest first: so what comes meanwhile stands before the cursor, and cannot keep this from its end.
    do {
      const page = await store.removePage(kind.name, ctx.filter, cursor, BATCH, record => ({ audit: [eventOf('deleted', ctx, record)] }))
      deleted.push(...page.removed.map(({ id }) => id))
      damaged.push(...page.damaged)
      cursor = page.cursor
    } while (cursor !== undefined)
    if (damaged.length === 0) return { deleted }
    const unreadable = damaged.slice(0, 10).join(', ')
    throw new GatewayError('internal', `${deleted.length} were deleted, and ${damaged.length} cannot be read: ${unreadable}`)
  })
