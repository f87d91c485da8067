import { GatewayError } from '../../errors.js'

/** Where the database is, as `ECTX_STORE` says. */
export interface PostgresPlace {
  /** The URL of each host, in the order in which they were given. Secret: they may hold a password. */
  readonly urls: readonly string[]
  readonly schema: string
}

const URL_PARTS = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^/?]*)(.*)$/
const SCHEMA = /^(?!pg_|information_schema$)[a-z_][a-z0-9_]{0,62}$/
const PARAMETERS = ['schema', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'host', 'options']
/** Those that check the certificate mean that it is checked whole. */
const SSL_MODES: Readonly<Record<string, string>> = {
  disable: 'disable',
  'no-verify': 'no-verify',
  prefer: 'verify-full',
  require: 'verify-full',
  'verify-ca': 'verify-full',
  'verify-full': 'verify-full'
}

/**
 * The parts of `postgres://user:password@host1:5432,host2:5432/database?schema=ectx`: several hosts, of which one is the primary, and
 * the schema that the deployment has for itself.
 * @throws `invalid_argument` that says what is wrong and quotes no value
 */
export function parsePostgresUrl (text: string): PostgresPlace {
  const [, begin, hosts, end] = URL_PARTS.exec(text) ?? []
  if (begin === undefined || hosts === undefined || end === undefined) throw wrong('must look like postgres://user:password@host:5432/database')
  const urls = hosts.split(',').map(host => begin + host + end)
  if (hosts.includes('@') || !urls.every(url => URL.canParse(url))) {
    throw wrong(
      'has a host or a port that is none; write special characters of a password as %40, and a socket as postgres:///database?host=/directory'
    )
  }
  const { searchParams } = new URL(urls[0]!)
  const unknown = [...searchParams.keys()].find(name => !PARAMETERS.includes(name))
  if (unknown !== undefined) throw wrong(`has a parameter that is not known: those are ${PARAMETERS.join(', ')}`)
  const schema = searchParams.get('schema') ?? 'ectx'
  if (!SCHEMA.test(schema)) throw wrong("names a schema that is none, or PostgreSQL's own: use a-z, 0-9 and _, at most 63")
  const mode = searchParams.get('sslmode')
  const modes = Object.keys(SSL_MODES)
  if (mode !== null && !modes.includes(mode)) throw wrong(`has an sslmode that is none: they are ${modes.join(', ')}`)
  return { urls: urls.map(forDriver), schema }
}

/** What two URLs of one place have in common, in whatever way they were written; without user and password. */
export const nameOf = ({ urls, schema }: PostgresPlace): string => [...urls.map(url => {
  const { host, pathname, searchParams } = new URL(url)
  return `${host.replace(/:5432$/, '')}${pathname}${searchParams.get('host') ?? ''}`
}).sort(), schema].join(' ')

/** With what is for the driver alone. */
function forDriver (url: string): string {
  const parsed = new URL(url)
  parsed.searchParams.delete('schema')
  const mode = SSL_MODES[parsed.searchParams.get('sslmode') ?? '']
  if (mode !== undefined) parsed.searchParams.set('sslmode', mode)
  return parsed.href
}

const wrong = (what: string) => new GatewayError('invalid_argument', `ECTX_STORE ${what}`)
