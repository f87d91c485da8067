import { Link } from './link.js'
import { parsePostgresUrl } from './postgres-url.js'
import { Primary } from './primary.js'

/** Does `work` on a connection that is there for it alone: for what an operator does beside the gateways. @throws as `Link.run` */
export async function withLink<T> (databaseUrl: string, work: (link: Link, schema: string) => Promise<T>): Promise<T> {
  const primary = new Primary(parsePostgresUrl(databaseUrl))
  const link = new Link(primary, { writes: true })
  try {
    await link.open()
    return await work(link, primary.schema)
  } finally {
    await link.close()
    primary.close()
  }
}
