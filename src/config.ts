import { isIP } from 'node:net'
import { FormatRegistry, Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import leven from 'leven'
import { isLoopback } from './auth/loopback.js'

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = typeof LOG_LEVELS[number]

FormatRegistry.Set('networks', text => listOf(text).every(isNetwork))

const ConfigSchema = Type.Object({
  ECTX_HOST: Type.String({ minLength: 1, default: '127.0.0.1', expected: 'an address or host name to listen on' }),
  ECTX_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080, expected: 'a port from 0 (any free one) to 65535' }),
  ECTX_DATA_DIR: Type.String({ minLength: 1, default: './data', expected: 'a directory' }),
  ECTX_LOG_LEVEL: Type.Union(LOG_LEVELS.map(level => Type.Literal(level)), { default: 'info', expected: LOG_LEVELS.join(', ') }),
  ECTX_TLS_CERT: Type.Optional(Type.String()),
  ECTX_TLS_KEY: Type.Optional(Type.String()),
  ECTX_TLS_CA: Type.Optional(Type.String()),
  ECTX_TRUSTED_PROXIES: Type.String({ format: 'networks', default: '', expected: 'addresses and networks such as 10.0.0.7, 10.1.0.0/16 or fd00::/8, with commas between them' }),
  ECTX_RATE_LIMIT: Type.Integer({ minimum: 0, default: 60_000, expected: 'a number of requests a minute, or 0 for no limit' })
})

export interface Config {
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly logLevel: LogLevel
  /** Paths of PEM files. */
  readonly tls: { readonly cert: string, readonly key: string, readonly ca: string | undefined } | undefined
  /** Addresses and networks. */
  readonly trustedProxies: readonly string[]
  /** Of each caller; 0 is no limit. */
  readonly requestsPerMinute: number
}

/** What is wrong with the environment, a line for each variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * The configuration that the `ECTX_…` variables of `environment` give, complete and frozen. An empty variable is as
 * good as none.
 * @throws {ConfigError} that names every variable that is unknown or wrong
 */
export function loadConfig (environment: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([name, value]) => name.startsWith('ECTX_') && value !== ''))
  const known = Object.keys(ConfigSchema.properties)
  const unknown = Object.keys(given).filter(name => !known.includes(name)).map(name => {
    const [near] = known.filter(candidate => leven(candidate, name) <= 3).sort((a, b) => leven(a, name) - leven(b, name))
    return `${name} is not known${near === undefined ? `; there are ${known.join(', ')}` : `; did you mean ${near}?`}`
  })
  const values = Value.Convert(ConfigSchema, Value.Default(ConfigSchema, given))
  const wrong = [...Value.Errors(ConfigSchema, values)].map(({ path, schema }) => `${path.slice(1)} must be ${schema.expected}`)
  for (const [name, other] of [['ECTX_TLS_CERT', 'ECTX_TLS_KEY'], ['ECTX_TLS_KEY', 'ECTX_TLS_CERT'], ['ECTX_TLS_CA', 'ECTX_TLS_CERT']] as const) {
    if (name in given && !(other in given)) wrong.push(`${other} must be set too, since ${name} is`)
  }
  if (unknown.length + wrong.length > 0) throw new ConfigError([...unknown, ...new Set(wrong)].join('\n'))

  const checked = values as Static<typeof ConfigSchema>
  if (!isLoopback(checked.ECTX_HOST)) {
    throw new ConfigError('ECTX_HOST must be a loopback address (127.0.0.1, ::1 or localhost): without credentials the gateway serves this machine only')
  }
  const { ECTX_TLS_CERT: cert, ECTX_TLS_KEY: key, ECTX_TLS_CA: ca } = checked
  return Object.freeze({
    host: checked.ECTX_HOST,
    port: checked.ECTX_PORT,
    dataDir: checked.ECTX_DATA_DIR,
    logLevel: checked.ECTX_LOG_LEVEL,
    tls: cert !== undefined && key !== undefined ? { cert, key, ca } : undefined,
    trustedProxies: listOf(checked.ECTX_TRUSTED_PROXIES),
    requestsPerMinute: checked.ECTX_RATE_LIMIT
  })
}

const listOf = (text: string): string[] => text.split(',').map(item => item.trim()).filter(item => item !== '')

/** Whether `text` is an IP address or a network; one of all addresses is none, since it would trust whoever comes. */
function isNetwork (text: string): boolean {
  const [address = '', bits, ...others] = text.split('/')
  const most = { 4: 32, 6: 128 }[isIP(address)]
  if (most === undefined || address.includes('%') || others.length > 0) return false
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= most)
}
