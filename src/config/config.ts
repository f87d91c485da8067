import { isLoopback } from '../auth/loopback.js'
import { DEFAULT_ROLE_CLAIM, listOf, millisecondsOf, POSTGRES_URL, type LOG_LEVELS, type STORES, type Variables } from './values.js'
import { placesIn } from './places.js'
import { ConfigError, readVariables } from './variables.js'

export type LogLevel = typeof LOG_LEVELS[number]

/** Whose JWTs are accepted, and what gives them a role. */
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
  /** Where gRPC is served, where it is. */
  readonly grpcPort: number | undefined
  /** Which engine. */
  readonly store: typeof STORES[number]
  /** Where the database is, where the engine is one. Secret: it may hold a password. */
  readonly databaseUrl: string | undefined
  /** What the gateway is called in the database; each has a name of its own. */
  readonly gatewayName: string | undefined
  readonly dataDir: string
  /** Whether it ends where the store does not hold what was committed last, rather than serve what is beyond doubt. */
  readonly stopsOnDamage: boolean
  /** How long an operation may take, in milliseconds. */
  readonly operationTimeoutMs: number
  /** How long events are kept for who follows them. */
  readonly eventsKeepMs: number
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
  /** How long a context lives where it does not say, and at most. */
  readonly lifetimes: { readonly defaultMs: number, readonly maxMs: number }
  readonly auditDays: number
  /** Of audit files in all; 0 is no limit. */
  readonly auditMaxBytes: number
  /** The file that gets signed heads of the audit log, where there is one; `syslog` where they go there. */
  readonly auditAnchor: string | undefined
  /** Where the audit log goes too, and whether it must. */
  readonly auditSyslog: { readonly url: string, readonly isRequired: boolean } | undefined
  /** How many events may wait in the store while the audit log cannot be written. */
  readonly auditBacklog: number
  /** Where events are published, and what proves there who publishes them. The URL is secret. */
  readonly events: { readonly url: string, readonly secretFile: string | undefined, readonly natsCreds: string | undefined } | undefined
  /** Paths of PEM files. */
  readonly tls: { readonly cert: string, readonly key: string, readonly ca: string | undefined } | undefined
  /** Addresses and networks. */
  readonly trustedProxies: readonly string[]
  /** Of each caller; 0 is no limit. */
  readonly requestsPerMinute: number
  /** The names of variables that Kubernetes set for a Service, and that were ignored. */
  readonly serviceLinks: readonly string[]
}

/**
 * The configuration that the `ECTX_…` variables of `environment` give, complete and frozen.
 * @throws {ConfigError} that names every variable that is unknown, wrong or missing
 */
export function loadConfig (environment: NodeJS.ProcessEnv): Config {
  const { values, serviceLinks } = readVariables(environment)
  const problems = [...incomplete(values)]
  if (problems.length > 0) throw new ConfigError(problems.join('\n'))

  const { ECTX_TLS_CERT: cert, ECTX_TLS_KEY: key, ECTX_TLS_CA: ca, ECTX_ROOT_KEY, ECTX_ROOT_KEY_FILE } = values
  return Object.freeze({
    host: values.ECTX_HOST,
    port: values.ECTX_PORT,
    grpcPort: values.ECTX_GRPC_PORT,
    store: POSTGRES_URL.test(values.ECTX_STORE) ? 'postgres' : values.ECTX_STORE as 'embedded' | 'memory',
    databaseUrl: POSTGRES_URL.test(values.ECTX_STORE) ? values.ECTX_STORE : undefined,
    gatewayName: values.ECTX_GATEWAY_NAME,
    dataDir: values.ECTX_DATA_DIR,
    stopsOnDamage: values.ECTX_ON_DAMAGE === 'stop',
    eventsKeepMs: millisecondsOf(values.ECTX_EVENTS_KEEP),
    operationTimeoutMs: millisecondsOf(values.ECTX_OPERATION_TIMEOUT ?? (POSTGRES_URL.test(values.ECTX_STORE) ? '40s' : '10s')),
    logLevel: values.ECTX_LOG_LEVEL,
    tokensFile: values.ECTX_TOKENS_FILE,
    jwt: jwtConfig(values),
    keyRing: { file: values.ECTX_KEYRING_FILE, rotationHours: values.ECTX_KEY_ROTATION_HOURS, root: { ECTX_ROOT_KEY, ECTX_ROOT_KEY_FILE } },
    lifetimes: { defaultMs: millisecondsOf(values.ECTX_DEFAULT_TTL), maxMs: millisecondsOf(values.ECTX_MAX_TTL) },
    auditDays: values.ECTX_AUDIT_DAYS,
    auditMaxBytes: values.ECTX_AUDIT_MAX_BYTES,
    auditAnchor: anchorOf(values),
    auditSyslog: values.ECTX_AUDIT_SYSLOG === undefined
      ? undefined
      : { url: values.ECTX_AUDIT_SYSLOG, isRequired: values.ECTX_AUDIT_SINKS === 'all' },
    auditBacklog: values.ECTX_AUDIT_BACKLOG,
    events: eventsOf(values),
    tls: cert !== undefined && key !== undefined ? { cert, key, ca } : undefined,
    trustedProxies: listOf(values.ECTX_TRUSTED_PROXIES),
    requestsPerMinute: values.ECTX_RATE_LIMIT,
    serviceLinks
  })
}

/**
 * Beside the log, where nothing else is said and a root key makes the signing key: whoever has only the directory could sign nothing anew.
 */
export function anchorOf (values: Variables): string | undefined {
  const hasKey = values.ECTX_ROOT_KEY !== undefined || values.ECTX_ROOT_KEY_FILE !== undefined
  return values.ECTX_AUDIT_ANCHOR ?? (hasKey && values.ECTX_STORE === 'embedded' ? placesIn(values.ECTX_DATA_DIR).heads : undefined)
}

/** Each with those that it needs. */
const NEEDS: ReadonlyArray<[name: keyof Variables, needs: keyof Variables]> = [
  ['ECTX_TLS_CERT', 'ECTX_TLS_KEY'],
  ['ECTX_TLS_KEY', 'ECTX_TLS_CERT'],
  ['ECTX_TLS_CA', 'ECTX_TLS_CERT'],
  ['ECTX_JWT_ISSUER', 'ECTX_JWT_AUDIENCE'],
  ['ECTX_JWT_ISSUER', 'ECTX_JWT_JWKS'],
  ['ECTX_JWT_AUDIENCE', 'ECTX_JWT_ISSUER'],
  ['ECTX_JWT_JWKS', 'ECTX_JWT_ISSUER'],
  ['ECTX_EVENTS_SECRET_FILE', 'ECTX_EVENTS_URL'],
  ['ECTX_EVENTS_NATS_CREDS', 'ECTX_EVENTS_URL']
]

function * incomplete (values: Variables): Generator<string> {
  for (const [name, needs] of NEEDS) {
    if (values[name] !== undefined && values[needs] === undefined) yield `${needs} must be set too, since ${name} is`
  }
  if (values.ECTX_JWT_ISSUER !== undefined && Object.values(rolesOf(values)).flat().length === 0) {
    yield 'ECTX_JWT_OPERATORS must be set too, or ECTX_JWT_VIEWERS: which values of the claim ECTX_JWT_ROLE_CLAIM give the role'
  }
  for (const [name, needs] of [['ECTX_AUDIT_ANCHOR', 'syslog'], ['ECTX_AUDIT_SINKS', 'all']] as const) {
    const isMissing = values[name] === needs && values.ECTX_AUDIT_SYSLOG === undefined
    if (isMissing) yield `ECTX_AUDIT_SYSLOG must be set too, since ${name} is ${needs}`
  }
  yield * incompleteEvents(values)
  if (values.ECTX_GRPC_PORT === values.ECTX_PORT && values.ECTX_PORT !== 0) yield 'ECTX_GRPC_PORT must be another than ECTX_PORT'
  if (millisecondsOf(values.ECTX_DEFAULT_TTL) > millisecondsOf(values.ECTX_MAX_TTL)) {
    yield `ECTX_DEFAULT_TTL must be at most ECTX_MAX_TTL, which is ${values.ECTX_MAX_TTL}`
  }
  if (values.ECTX_TOKENS_FILE === undefined && values.ECTX_JWT_ISSUER === undefined && !isLoopback(values.ECTX_HOST)) {
    yield 'ECTX_HOST must be a loopback address (127.0.0.1, ::1 or localhost): without credentials the gateway serves this machine only; ' +
      'to serve others set ECTX_TOKENS_FILE or ECTX_JWT_ISSUER'
  }
}

function * incompleteEvents ({ ECTX_EVENTS_URL: url, ECTX_EVENTS_SECRET_FILE: secrets, ECTX_EVENTS_NATS_CREDS: creds }: Variables) {
  if (url === undefined) return
  const { protocol, hostname } = new URL(url)
  if (/^(nats|tls):$/.test(protocol)) {
    if (secrets !== undefined) yield 'ECTX_EVENTS_SECRET_FILE signs webhooks: leave it out, since ECTX_EVENTS_URL is that of NATS'
    return
  }
  if (creds !== undefined) yield 'ECTX_EVENTS_NATS_CREDS is for NATS: leave it out, since ECTX_EVENTS_URL is that of a webhook'
  if (secrets === undefined && !isLoopback(hostname.replaceAll(/[[\]]/g, ''))) {
    yield 'ECTX_EVENTS_SECRET_FILE must be set too: by what is signed with it a receiver at ECTX_EVENTS_URL knows whose the events are'
  }
}

function eventsOf (values: Variables): Config['events'] {
  const { ECTX_EVENTS_URL: url, ECTX_EVENTS_SECRET_FILE: secretFile, ECTX_EVENTS_NATS_CREDS: natsCreds } = values
  return url === undefined ? undefined : { url, secretFile, natsCreds }
}

function jwtConfig (values: Variables): JwtConfig | undefined {
  const { ECTX_JWT_ISSUER: issuer, ECTX_JWT_AUDIENCE: audience, ECTX_JWT_JWKS: jwks } = values
  if (issuer === undefined || audience === undefined || jwks === undefined) return undefined
  return {
    issuer,
    audience: listOf(audience),
    jwks,
    roleClaim: values.ECTX_JWT_ROLE_CLAIM,
    roles: rolesOf(values)
  }
}

function rolesOf ({ ECTX_JWT_ROLE_CLAIM: claim, ECTX_JWT_OPERATORS: operators, ECTX_JWT_VIEWERS: viewers }: Variables): JwtConfig['roles'] {
  const isDefault = claim === DEFAULT_ROLE_CLAIM
  return { operator: listOf(operators ?? (isDefault ? 'operator' : '')), viewer: listOf(viewers ?? (isDefault ? 'viewer' : '')) }
}
