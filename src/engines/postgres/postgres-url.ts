import { GatewayError } from '../../errors.js'

/** Where the database is, as `ECTX_STORE` says. */
export interface PostgresPlace {
  /** The URL of each host, in the order in which they were given. Secret: they may hold a password. */
  readonly urls: readonly string[]
  readonly schema: string
}

const URL_PARTS = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^/?]*)(.*)$/
const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/

/**
 * The parts of `postgres://user:password@host1:5432,host2:5432/database?schema=ectx`: several hosts, of which one is the primary, and
 * the schema that the deployment has for itself.
 * @throws `invalid_argument` that says what is wrong and quotes nothing
 */
export function parsePostgresUrl (text: string): PostgresPlace {
  const [, begin, hosts, end] = URL_PARTS.exec(text) ?? []
  if (begin === undefined || hosts === undefined || end === undefined) throw wrong('must look like postgres://user:password@host:5432/database')
  const urls = hosts.split(',').map(host => begin + host + end)
  if (!urls.every(url => URL.canParse(url))) {
    throw wrong('has a host or a parameter that is none; write special characters of a password as %40')
  }
  const { searchParams } = new URL(urls[0]!)
  const schema = searchParams.get('schema') ?? 'ectx'
  if (!SCHEMA.test(schema)) throw wrong('names a schema that is none: use a-z, 0-9 and _, at most 63')
  return { urls: urls.map(url => without(url, 'schema')), schema }
}

function without (url: string, parameter: string): string {
  const parsed = new URL(url)
  parsed.searchParams.delete(parameter)
  return parsed.href
}

const wrong = (what: string) => new GatewayError('invalid_argument', `ECTX_STORE ${what}`)
