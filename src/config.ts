import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import leven from 'leven'
import { isLoopback } from './auth/loopback.js'

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = typeof LOG_LEVELS[number]

const text = (expected: string, value?: string) => Type.String({ minLength: 1, default: value, expected })
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema)
const file = optional(text('a file'))

const ConfigSchema = Type.Object({
  ECTX_HOST: text('an address or host name to listen on', '127.0.0.1'),
  ECTX_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080, expected: 'a port from 0 (any free one) to 65535' }),
  ECTX_DATA_DIR: text('a directory', './data'),
  ECTX_LOG_LEVEL: Type.Union(LOG_LEVELS.map(level => Type.Literal(level)), { default: 'info', expected: LOG_LEVELS.join(', ') }),
  ECTX_TOKENS_FILE: file,
  ECTX_JWT_ISSUER: optional(text('the "iss" of the tokens')),
  ECTX_JWT_AUDIENCE: optional(text('the "aud" of the tokens')),
  ECTX_JWT_JWKS: optional(text('an https URL or a file')),
  ECTX_JWT_ROLE_CLAIM: text('the path of a claim', 'role'),
  ECTX_JWT_OPERATORS: text('values of the claim, with commas between', 'operator'),
  ECTX_JWT_VIEWERS: text('values of the claim, with commas between', 'viewer'),
  ECTX_KEYRING_FILE: file,
  ECTX_KEY_ROTATION_HOURS: Type.Integer({ minimum: 1, maximum: 8760, default: 24, expected: 'hours from 1 to 8760 (a year)' }),
  ECTX_ROOT_KEY: optional(text('32 bytes in base64 or hex')),
  ECTX_ROOT_KEY_FILE: file,
  ECTX_AUDIT_DAYS: Type.Integer({ minimum: 1, maximum: 36_500, default: 90, expected: 'days from 1 to 36500' })
})
type Variables = Static<typeof ConfigSchema>

/** How callers may show who they are with a JWT. */
export interface JwtConfig {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly jwks: string
  readonly roleClaim: string
  readonly roles: { readonly operator: readonly string[], readonly viewer: readonly string[] }
}

export interface Config {
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly logLevel: LogLevel
  readonly tokensFile: string | undefined
  readonly jwt: JwtConfig | undefined
  readonly keyRing: {
    /** In the data directory where it is not said. */
    readonly file: string | undefined
    readonly rotationHours: number
    /** The root key's variables, as they are: `loadRootKey` reads them. */
    readonly root: Readonly<Pick<Variables, 'ECTX_ROOT_KEY' | 'ECTX_ROOT_KEY_FILE'>>
  }
  readonly auditDays: number
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
  const values = Value.Convert(ConfigSchema, Value.Default(ConfigSchema, given)) as Variables
  const wrong = [...Value.Errors(ConfigSchema, values)].map(({ path, schema }) => `${path.slice(1)} must be ${schema.expected}`)
  const problems = [...unknown, ...new Set(wrong), ...(wrong.length > 0 ? [] : conflicts(values))]
  if (problems.length > 0) throw new ConfigError(problems.join('\n'))
  return Object.freeze({
    host: values.ECTX_HOST,
    port: values.ECTX_PORT,
    dataDir: values.ECTX_DATA_DIR,
    logLevel: values.ECTX_LOG_LEVEL,
    tokensFile: values.ECTX_TOKENS_FILE,
    jwt: jwtConfig(values),
    keyRing: { file: values.ECTX_KEYRING_FILE, rotationHours: values.ECTX_KEY_ROTATION_HOURS, root: values },
    auditDays: values.ECTX_AUDIT_DAYS
  })
}

/** What each variable by itself may be, but not together. */
function * conflicts (values: Variables): Generator<string> {
  const { ECTX_HOST: host, ECTX_TOKENS_FILE: tokensFile, ECTX_JWT_ISSUER: issuer } = values
  if (issuer !== undefined) {
    for (const name of ['ECTX_JWT_AUDIENCE', 'ECTX_JWT_JWKS'] as const) if (values[name] === undefined) yield `${name} must be set too: ECTX_JWT_ISSUER alone does not say whom to trust`
  } else {
    for (const name of ['ECTX_JWT_AUDIENCE', 'ECTX_JWT_JWKS'] as const) if (values[name] !== undefined) yield `ECTX_JWT_ISSUER must be set too: ${name} has no use without it`
  }
  if (tokensFile === undefined && issuer === undefined && !isLoopback(host)) {
    yield 'ECTX_HOST must be a loopback address (127.0.0.1, ::1 or localhost): without credentials the gateway serves this machine only; to serve others set ECTX_TOKENS_FILE or ECTX_JWT_ISSUER'
  }
}

function jwtConfig (values: Variables): JwtConfig | undefined {
  const { ECTX_JWT_ISSUER: issuer, ECTX_JWT_AUDIENCE: audience, ECTX_JWT_JWKS: jwks } = values
  if (issuer === undefined || audience === undefined || jwks === undefined) return undefined
  return {
    issuer,
    audience: list(audience),
    jwks,
    roleClaim: values.ECTX_JWT_ROLE_CLAIM,
    roles: { operator: list(values.ECTX_JWT_OPERATORS), viewer: list(values.ECTX_JWT_VIEWERS) }
  }
}

const list = (text: string) => text.split(',').map(item => item.trim()).filter(item => item !== '')
