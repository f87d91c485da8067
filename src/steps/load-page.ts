import { GatewayError } from '../errors.js'
import { step } from '../pipeline/pipeline.js'
import type { LoadedPage } from '../resource/answers.js'
import type { Origin } from '../resource/call.js'
import type { KindNames } from '../resource/kind.js'
import { cursorOf, pageToken } from '../resource/page-token.js'
import { openRecord, type Opened } from '../resource/sealed-record.js'
import type { Vault } from '../secrets/vault.js'
import { passes } from '../storage/filter.js'
import type { Filter, Page, Store, StoredRecord } from '../storage/store.js'

const PAGE_SIZE = 50
const MOST = 1_000

interface Needs {
  readonly input: { readonly pageSize: number, readonly pageToken: string }
  readonly filter: Filter
  readonly origin: Origin
}

/** Loads the page of what passes the filter that the input asks for, newest first. The holder of a run token has a list of its own. */
export const loadPage = (store: Store, vault: Vault, kind: KindNames) =>
  step('LoadPage', async ({ input, filter, origin: { caller } }: Needs): Promise<{ page: LoadedPage }> => {
    const cursor = input.pageToken === '' ? undefined : cursorOf(kind.name, filter, input.pageToken)
    const limit = Math.min(input.pageSize || PAGE_SIZE, MOST)
    const { records, damaged, cursor: next } = caller.kind === 'run'
      ? await ownPage(store, kind, filter, cursor, caller.contextId)
      : await store.page(kind.name, filter, cursor, limit)
    const opened = await Promise.all(records.map(record => openOrName(vault, record)))
    return {
      page: {
        opened: opened.filter(found => typeof found !== 'string'),
        damaged: [...damaged, ...opened.filter(found => typeof found === 'string')],
        nextPageToken: next && pageToken(kind.name, filter, next)
      }
    }
  })

/** The one resource that a run token is for, where it passes. */
async function ownPage (store: Store, kind: KindNames, filter: Filter, cursor: string | undefined, id: string = ''): Promise<Page> {
  const own = cursor === undefined ? await store.find(kind.name, id) : undefined
  return { records: own !== undefined && passes(own, filter) ? [own] : [], damaged: [] }
}

/** What `record` holds, or its id where it is not as it was sealed: it hides no other. */
async function openOrName (vault: Vault, record: StoredRecord): Promise<Opened | string> {
  try {
    return await openRecord(vault, record)
  } catch (error) {
    if (GatewayError.from(error).code !== 'internal') throw error
    return record.id
  }
}
