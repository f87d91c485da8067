import type { KeyObject } from 'node:crypto'
import { Link } from './link.js'
import { PostgresRing } from './postgres-ring.js'
import { parsePostgresUrl } from './postgres-url.js'

/** The ring in a database, for an operator. It is closed by whoever asked for it. */
export function ringInDatabase (databaseUrl: string, rootKey: KeyObject | undefined) {
  const place = parsePostgresUrl(databaseUrl)
  const link = new Link(place)
  const store = new PostgresRing(link, rootKey)
  return {
    store,
    name: `in the schema ${place.schema}`,
    setting: 'ECTX_STORE',
    isThere: async () => await store.read() !== undefined,
    close: () => link.close()
  }
}
