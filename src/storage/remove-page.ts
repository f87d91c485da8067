import type { AlongRemoval, Filter, Removed, Store } from './store.js'

/** What `Store.removePage` promises, by the other methods of `store`: for an engine that has nothing better. */
export async function removePage (
  store: Pick<Store, 'page' | 'remove'>,
  kind: string,
  filter: Filter,
  cursor: string | undefined,
  limit: number,
  along?: AlongRemoval
): Promise<Removed> {
  const { records, ...part } = await store.page(kind, filter, cursor, limit)
  const removed = await Promise.all(records.map(({ id }) => store.remove(kind, id, undefined, along)))
  return { removed: removed.filter(record => record !== undefined), ...part }
}
