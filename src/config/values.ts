import { isIP } from 'node:net'
import { FormatRegistry, Type, type Static } from '@sinclair/typebox'
import { isLoopback } from '../auth/loopback.js'
import { DEFAULT_DATA_DIR } from './places.js'

/** Whose values give the roles of the same name, unless told otherwise; those of any other claim may be what a stranger chose. */
export const DEFAULT_ROLE_CLAIM = 'role'
/** The engines. */
export const STORES = ['embedded', 'memory', 'postgres'] as const
/** What `ECTX_STORE` begins with where it is the URL of a database. */
export const POSTGRES_URL = /^postgres(ql)?:\/\//
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

FormatRegistry.Set('networks', text => listOf(text).every(isNetwork))
FormatRegistry.Set('host', text => isIP(text) !== 0 || /^[\w-]+(\.[\w-]+)*\.?$/.test(text))
FormatRegistry.Set('duration', text => millisecondsOf(text) >= 1000)
FormatRegistry.Set('store', text => text === 'embedded' || text === 'memory' || POSTGRES_URL.test(text))
FormatRegistry.Set('gateway', text => /^[\w.-]{1,253}$/.test(text))
FormatRegistry.Set('syslog', isSyslog)
FormatRegistry.Set('events', isEventsUrl)
FormatRegistry.Set('list', text => listOf(text).length > 0)

const text = (expected: string, value?: string) => Type.String({ minLength: 1, default: value, expected })
/** Taken as it is: nothing expands what a shell would. */
const path = (expected: string, value?: string) => Type.String({ minLength: 1, default: value, expected, isPath: true })
const whole = (minimum: number, maximum: number, value: number, expected: string) =>
  Type.Integer({ minimum, maximum, default: value, expected })
const file = Type.Optional(path('a file'))
const duration = (value?: string) => Type.String({
  format: 'duration',
  default: value,
  expected: 'a whole number of seconds, minutes, hours or days, such as 90s, 15m, 24h or 7d'
})

/** Every variable that the gateway reads. `expected` ends the sentence that a wrong value gets. */
export const VariablesSchema = Type.Object({
  ECTX_HOST: Type.String({
    format: 'host',
    default: '127.0.0.1',
    expected: 'an address or a host name to listen on, without port and brackets'
  }),
  ECTX_PORT: whole(0, 65_535, 8080, 'a port from 0 (any free one) to 65535'),
  ECTX_GRPC_PORT: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535, expected: 'a port from 0 (any free one) to 65535' })),
  ECTX_STORE: Type.String({
    format: 'store',
    default: 'embedded',
    expected: 'embedded (kept in ECTX_DATA_DIR), memory (not kept), or the postgres://… URL of a database'
  }),
  ECTX_GATEWAY_NAME: Type.Optional(Type.String({ format: 'gateway', expected: '1 to 253 letters, digits, _, . and -' })),
  ECTX_DATA_DIR: path('a directory', DEFAULT_DATA_DIR),
  ECTX_ON_DAMAGE: Type.Union([Type.Literal('serve'), Type.Literal('stop')], { default: 'serve', expected: 'serve or stop' }),
  ECTX_OPERATION_TIMEOUT: Type.Optional(duration()),
  ECTX_LOG_LEVEL: Type.Union(LOG_LEVELS.map(level => Type.Literal(level)), { default: 'info', expected: LOG_LEVELS.join(', ') }),
  ECTX_TOKENS_FILE: file,
  ECTX_JWT_ISSUER: Type.Optional(text('the "iss" of the tokens')),
  ECTX_JWT_AUDIENCE: Type.Optional(
    Type.String({ format: 'list', expected: 'the "aud" of the tokens, or several with commas between them' })
  ),
  ECTX_JWT_JWKS: Type.Optional(path('an https URL or a file')),
  ECTX_JWT_ROLE_CLAIM: text('the path of a claim', DEFAULT_ROLE_CLAIM),
  ECTX_JWT_OPERATORS: Type.Optional(text('values of the claim, with commas between them')),
  ECTX_JWT_VIEWERS: Type.Optional(text('values of the claim, with commas between them')),
  ECTX_KEYRING_FILE: file,
  ECTX_KEY_ROTATION_HOURS: whole(1, 8760, 24, 'hours from 1 to 8760 (a year)'),
  ECTX_ROOT_KEY: Type.Optional(text('32 bytes in base64 or hex')),
  ECTX_ROOT_KEY_FILE: file,
  ECTX_DEFAULT_TTL: duration('24h'),
  ECTX_MAX_TTL: duration('168h'),
  ECTX_EVENTS_KEEP: duration('24h'),
  ECTX_AUDIT_DAYS: whole(1, 36_500, 90, 'days from 1 to 36500'),
  ECTX_AUDIT_MAX_BYTES: whole(0, Number.MAX_SAFE_INTEGER, 0, 'a number of bytes, or 0 for no limit'),
  ECTX_AUDIT_ANCHOR: Type.Optional(path('a file, or syslog')),
  ECTX_AUDIT_SYSLOG: Type.Optional(
    Type.String({ format: 'syslog', expected: 'udp://host:port, tcp://host:port or unix:///path, of a stream socket' })
  ),
  ECTX_AUDIT_SINKS: Type.Union([Type.Literal('any'), Type.Literal('all')], { default: 'any', expected: 'any or all' }),
  ECTX_AUDIT_BACKLOG: whole(0, 10_000_000, 10_000, 'a number of events up to 10000000'),
  ECTX_EVENTS_URL: Type.Optional(
    Type.String({ format: 'events', expected: 'https://…, http://… of this machine, nats://host:port, or tls://host:port for NATS over TLS' })
  ),
  ECTX_EVENTS_SECRET_FILE: file,
  ECTX_EVENTS_NATS_CREDS: file,
  ECTX_TLS_CERT: file,
  ECTX_TLS_KEY: file,
  ECTX_TLS_CA: file,
  ECTX_TRUSTED_PROXIES: Type.String({
    format: 'networks',
    default: '',
    expected: 'addresses and networks such as 10.0.0.7, 10.1.0.0/16 or fd00::/8, with commas between them'
  }),
  ECTX_RATE_LIMIT: whole(0, Number.MAX_SAFE_INTEGER, 600_000, 'a number of requests a minute, or 0 for no limit')
})
export type Variables = Static<typeof VariablesSchema>

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The milliseconds of a duration such as `15m`; `NaN` where it is none. */
export function millisecondsOf (text: string): number {
  const [, count, unit = ''] = /^([1-9]\d{0,7})([smhd])$/.exec(text) ?? []
  return Number(count) * (UNITS[unit] ?? NaN)
}

/** What stands between the commas of `text`. */
export const listOf = (text: string): string[] => text.split(',').map(item => item.trim()).filter(item => item !== '')

function isSyslog (text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, port, pathname, username, password, search, hash } = new URL(text)
  if (username + password + search + hash !== '') return false
  return protocol === 'unix:'
    ? hostname === '' && pathname.length > 1
    : /^(udp|tcp):$/.test(protocol) && hostname !== '' && port !== '' && /^\/?$/.test(pathname)
}

function isEventsUrl (text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, pathname, search, hash, username, password } = new URL(text)
  if (!isDecodable(username) || !isDecodable(password)) return false
  if (/^(nats|tls):$/.test(protocol)) return hostname !== '' && /^\/?$/.test(pathname) && search + hash === ''
  return hash === '' && (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replaceAll(/[[\]]/g, ''))))
}

function isDecodable (text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined
  } catch {
    return false
  }
}

/** Whether `text` is an IP address or a network; one of all addresses is none, since it would trust whoever comes. */
function isNetwork (text: string): boolean {
  const [address = '', bits, ...others] = text.split('/')
  const most = { 4: 32, 6: 128 }[isIP(address)]
  if (most === undefined || address.includes('%') || others.length > 0) return false
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= most)
}
