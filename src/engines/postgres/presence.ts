import { NAME_LOCK } from './postgres.js'
import { withLink } from './with-link.js'

/**
 * The names of the gateways that have the schema of `url` open now; `undefined` where nothing of ours is there.
 * @throws `unavailable` or `invalid_argument` with what to do
 */
export function gatewaysAt (url: string): Promise<readonly string[] | undefined> {
  return withLink(url, async (link, schema) => {
    const [found] = await link.run<{ there: boolean }>({ text: 'SELECT to_regclass(\'gateway\') IS NOT NULL AS there' })
    if (found?.there !== true) return undefined
    const rows = await link.run<{ name: string }>({
      // A lock is shown by numbers alone, without a sign.
      text: `SELECT g.name FROM gateway g WHERE EXISTS (SELECT FROM pg_locks l
          WHERE l.locktype = 'advisory' AND l.classid = $1 AND l.objid::bigint = hashtext($2 || ' ' || g.name)::bigint & 4294967295
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))`,
      values: [NAME_LOCK, schema]
    })
    return rows.map(({ name }) => name)
  })
}
