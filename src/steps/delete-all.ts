import { GatewayError } from '../errors.js'
import { commit } from '../pipeline/pipeline.js'
import { deletedEvent, type Happening } from '../resource/audit-event.js'
import type { KindNames } from '../resource/kind.js'
import { resourceEvent } from '../resource/resource-event.js'
import { openRecord, shredSecrets } from '../resource/sealed-record.js'
import { removeVersions, shredVersions } from '../resource/versions.js'
import type { Vault } from '../secrets/vault.js'
import type { Along, Filter, Store, StoredRecord } from '../storage/store.js'

const BATCH = 200

interface Needs extends Happening {
  readonly filter: Filter
  readonly shreds: boolean
}

/** What came of a page. */
interface Outcome {
  readonly deleted: readonly string[]
  readonly damaged: readonly string[]
  /** What cannot be shredded, and so stays. */
  readonly kept: readonly string[]
  readonly cursor?: string | undefined
}

/**
 * Removes all that passes the filter and was there when it began, shredded before where the caller asks for it, and with each in one
 * commit tells that it is gone. Answers the ids of those that it removed itself.
 * @throws naming those that stay, when all others are gone: `internal` where one cannot be read, `failed_precondition` where none but
 * cannot be shredded
 */
export const deleteAll = (store: Store, vault: Vault, kind: KindNames) => {
  async function remove (ctx: Needs, cursor: string | undefined): Promise<Outcome> {
    const { removed, damaged, cursor: next } = await store.removePage(kind.name, ctx.filter, cursor, BATCH, gone => tell(ctx, gone, false))
    for (const gone of removed) await removeVersions(store, kind, gone)
    return { deleted: removed.map(({ id }) => id), damaged, kept: [], cursor: next }
  }

  async function shredAndRemove (ctx: Needs, cursor: string | undefined): Promise<Outcome> {
    const { records, damaged, cursor: next } = await store.page(kind.name, ctx.filter, cursor, BATCH)
    const kept: string[] = []
    const removed = await Promise.all(records.map(async record => {
      const gone = await shredOne(ctx, record)
      if (gone === 'kept') kept.push(record.id)
      else return gone
    }))
    return { deleted: removed.flatMap(gone => gone?.id ?? []), damaged, kept, cursor: next }
  }

  /** Nothing is removed but what was shredded: where another version has come meanwhile, that too. */
  async function shredOne (ctx: Needs, record: StoredRecord): Promise<StoredRecord | undefined | 'kept'> {
    for (let next: StoredRecord | undefined = record; next !== undefined; next = await store.find(kind.name, record.id)) {
      const shredded = await shred(next)
      if (shredded === undefined) return 'kept'
      try {
        const removed = await store.remove(kind.name, next.id, [next.revision], gone => tell(ctx, gone, shredded))
        if (removed !== undefined) await removeVersions(store, kind, removed)
        return removed
      } catch (error) {
        if (GatewayError.from(error).code !== 'aborted') throw error
      }
    }
    return undefined
  }

  /** Whether there was anything to shred; `undefined` where it cannot be. */
  async function shred (record: StoredRecord): Promise<boolean | undefined> {
    try {
      await shredVersions(store, vault, kind, record)
      return await shredSecrets(vault, await openRecord(vault, record))
    } catch (error) {
      if (GatewayError.from(error).code === 'unavailable') throw error
      return undefined
    }
  }

  return commit('DeleteAll', async (ctx: Needs): Promise<{ deleted: string[] }> => {
    const outcomes: Outcome[] = []
    let cursor: string | undefined
    // The newest first: so what comes meanwhile stands before the cursor, and cannot keep this from its end.
    do {
      const outcome = await (ctx.shreds ? shredAndRemove : remove)(ctx, cursor)
      outcomes.push(outcome)
      cursor = outcome.cursor
    } while (cursor !== undefined)
    const deleted = outcomes.flatMap(outcome => outcome.deleted)
    const damaged = outcomes.flatMap(outcome => outcome.damaged)
    const kept = outcomes.flatMap(outcome => outcome.kept)
    if (damaged.length > 0) throw new GatewayError('internal', `${deleted.length} were deleted, and ${listed(damaged)} cannot be read`)
    if (kept.length > 0) {
      throw new GatewayError(
        'failed_precondition',
        `${deleted.length} were deleted, and ${listed(kept)} cannot be shredded: an older version sealed them, or they are damaged; delete them without that`
      )
    }
    return { deleted }
  })
}

const tell = (ctx: Needs, gone: StoredRecord, shredded: boolean): Along => ({
  events: [resourceEvent('deleted', gone, ctx.origin)],
  audit: [deletedEvent(ctx, gone, shredded)]
})

const listed = (ids: readonly string[]): string => `${ids.length} (${ids.slice(0, 10).join(', ')})`
