import t from 'tap'
import { loadConfig } from '../../src/config/config.js'
import { ConfigError } from '../../src/config/variables.js'

function problemsOf (environment: Record<string, string>): string[] {
  try {
    loadConfig(environment)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message.split('\n')
  }
}

t.test('without a word: plain HTTP, no proxy is trusted, and callers are limited', async t => {
  t.match(loadConfig({}), { tls: undefined, trustedProxies: [], requestsPerMinute: 600_000 })
})

t.test('TLS needs certificate and key', async t => {
  t.same(loadConfig({ ECTX_TLS_CERT: 'c', ECTX_TLS_KEY: 'k' }).tls, { cert: 'c', key: 'k', ca: undefined })
  t.same(loadConfig({ ECTX_TLS_CERT: 'c', ECTX_TLS_KEY: 'k', ECTX_TLS_CA: 'a' }).tls, { cert: 'c', key: 'k', ca: 'a' })
  t.same(problemsOf({ ECTX_TLS_CERT: 'c' }), ['ECTX_TLS_KEY must be set too, since ECTX_TLS_CERT is'])
  t.same(problemsOf({ ECTX_TLS_KEY: 'k', ECTX_TLS_CERT: '' }), ['ECTX_TLS_CERT must be set too, since ECTX_TLS_KEY is'])
  t.same(problemsOf({ ECTX_TLS_CA: 'a' }), ['ECTX_TLS_CERT must be set too, since ECTX_TLS_CA is'])
})

t.test('ECTX_TRUSTED_PROXIES is a list of addresses and networks', async t => {
  const list = '127.0.0.1, ::1,10.0.0.0/8 , fd00::/8,192.0.2.1/32'
  t.same(loadConfig({ ECTX_TRUSTED_PROXIES: list }).trustedProxies, ['127.0.0.1', '::1', '10.0.0.0/8', 'fd00::/8', '192.0.2.1/32'])
  for (const wrong of ['true', 'proxy.example', '10.0.0', '10.0.0.0/33', '10.0.0.0/0', '::/0', '::1/129', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/255.0.0.0', 'fe80::1%eth0', '10.0.0.1 10.0.0.2', '10.0.0.1,x']) {
    t.match(problemsOf({ ECTX_TRUSTED_PROXIES: wrong }), [/^ECTX_TRUSTED_PROXIES must be addresses and networks such as /], wrong)
  }
})

t.test('ECTX_STORE is one of the engines, and what is none gets a list of them', async t => {
  t.equal(loadConfig({}).store, 'embedded')
  t.equal(loadConfig({ ECTX_STORE: 'memory' }).store, 'memory')
  const url = 'postgres://ectx:secret@db-1,db-2/ectx?schema=runs'
  t.match(loadConfig({ ECTX_STORE: url, ECTX_GATEWAY_NAME: 'a.b-1' }), { store: 'postgres', databaseUrl: url, gatewayName: 'a.b-1' })
  t.match(problemsOf({ ECTX_GATEWAY_NAME: 'a b' }), [/^ECTX_GATEWAY_NAME must be 1 to 253 letters/])
  for (const wrong of ['Memory', 'postgres', 'mysql://db/ectx', 'leveldb', ' memory']) {
    t.match(problemsOf({ ECTX_STORE: wrong }), [/^ECTX_STORE must be embedded .* memory .* database/], wrong)
  }
})

t.test('ECTX_RATE_LIMIT is a number of requests', async t => {
  t.equal(loadConfig({ ECTX_RATE_LIMIT: '0' }).requestsPerMinute, 0)
  for (const wrong of ['-1', 'none']) t.match(problemsOf({ ECTX_RATE_LIMIT: wrong }), [/^ECTX_RATE_LIMIT must be a number of requests a minute/], wrong)
})

t.test('JWTs need an issuer, an audience and its keys', async t => {
  const whole = { ECTX_JWT_ISSUER: 'https://issuer.test', ECTX_JWT_AUDIENCE: 'ectx, other', ECTX_JWT_JWKS: 'https://issuer.test/jwks' }
  t.match(loadConfig(whole).jwt, { issuer: 'https://issuer.test', audience: ['ectx', 'other'], roleClaim: 'role', roles: { operator: ['operator'], viewer: ['viewer'] } })
  for (const name of Object.keys(whole)) t.match(problemsOf({ ...whole, [name]: '' }), [new RegExp(`^${name} must be set too`)], name)
})

t.test('another claim than role has no values that give a role, unless they are said: anybody may have them', async t => {
  const whole = { ECTX_JWT_ISSUER: 'i', ECTX_JWT_AUDIENCE: 'a', ECTX_JWT_JWKS: 'jwks.json', ECTX_JWT_ROLE_CLAIM: 'repository_owner' }
  t.match(problemsOf(whole), [/^ECTX_JWT_OPERATORS must be set too/])
  t.strictSame(loadConfig({ ...whole, ECTX_JWT_OPERATORS: 'acme' }).jwt?.roles, { operator: ['acme'], viewer: [] })
})

t.test('without credentials only this machine can be served', async t => {
  t.match(problemsOf({ ECTX_HOST: '0.0.0.0' }), [/^ECTX_HOST must be a loopback address/])
  t.equal(loadConfig({ ECTX_HOST: '0.0.0.0', ECTX_TOKENS_FILE: 'tokens.json' }).host, '0.0.0.0')
})

t.test('a whole number is one', async t => {
  for (const wrong of ['1.5', '1e3', '0x10', ' 1', 'one']) t.match(problemsOf({ ECTX_PORT: wrong }), [/^ECTX_PORT must be a port/], wrong)
})

/** What Kubernetes sets in each pod of a namespace for the Service `name`, whose port has a name. */
function serviceLinks (name: string, address = '10.0.0.1', protocol = 'TCP'): Record<string, string> {
  const url = `${protocol.toLowerCase()}://${address.includes(':') ? `[${address}]` : address}:8080`
  const port = `${name}_PORT_8080_${protocol}`
  return {
    [`${name}_SERVICE_HOST`]: address,
    [`${name}_SERVICE_PORT`]: '8080',
    [`${name}_SERVICE_PORT_HTTP_API`]: '8080',
    [`${name}_PORT`]: url,
    [port]: url,
    [`${port}_PROTO`]: protocol.toLowerCase(),
    [`${port}_PORT`]: '8080',
    [`${port}_ADDR`]: address
  }
}

t.test('the variables that Kubernetes sets for a Service are ignored, and told', async t => {
  const services = [serviceLinks('ECTX'), serviceLinks('ECTX_GATEWAY', 'fd00::1'), serviceLinks('ECTX_2', '10.0.0.2', 'UDP'), serviceLinks('ECTX_DATA_DIR', '10.0.0.3', 'SCTP')]
  for (const service of services) {
    const config = loadConfig(service)
    t.equal(config.port, 8080)
    t.same(config.serviceLinks, Object.keys(service))
  }
  t.match(loadConfig({ ...serviceLinks('ECTX'), ECTX_PORT: '9090' }), { port: 9090 }, 'one that the pod sets itself counts')
  t.same(loadConfig({ ECTX_PORT: '9090' }).serviceLinks, [])
})

t.test('what only looks like a variable of a Service is refused', async t => {
  const misspelt = { ECTX_HTTP_PORT: '8080', ECTX_PROT: 'tcp://10.0.0.1:8080', ECTX_SERVICE_HOSTS: '10.0.0.1', ECTX_SERVICE_HOST: 'ectx.example', ECTX_PORT_8080_TCP: '8080', ECTX_PORT_8080_TCP_ADR: '10.0.0.1' }
  for (const [name, value] of Object.entries(misspelt)) t.match(problemsOf({ [name]: value }), [new RegExp(`^${name} is not known`)], name)
  for (const port of ['http://10.0.0.1:8080', 'tcp://10.0.0.1', 'tcp:8080']) t.match(problemsOf({ ECTX_PORT: port }), [/^ECTX_PORT must be a port/], port)
})

t.test('where audit events go', async t => {
  for (const url of ['udp://10.0.0.1:514', 'tcp://[::1]:601', 'tcp://logs.example:601', 'unix:///run/syslog.sock']) {
    t.same(loadConfig({ ECTX_AUDIT_SYSLOG: url }).auditSyslog, { url, isRequired: false })
  }
  t.match(loadConfig({ ECTX_AUDIT_SYSLOG: 'udp://h:1', ECTX_AUDIT_SINKS: 'all', ECTX_AUDIT_ANCHOR: 'syslog' }), { auditSyslog: { isRequired: true }, auditAnchor: 'syslog' })
  for (const url of ['udp://10.0.0.1', 'http://h:1', 'h:514', 'unix://run/x', 'unix:', 'tcp://u:s3cr3t@h:1', 'tcp://h:1/x', 'tcp://h:99999']) {
    t.match(problemsOf({ ECTX_AUDIT_SYSLOG: url }), [/^ECTX_AUDIT_SYSLOG must be udp:/], url)
  }
  const needing: Array<Record<string, string>> = [{ ECTX_AUDIT_SINKS: 'all' }, { ECTX_AUDIT_ANCHOR: 'syslog' }]
  for (const given of needing) t.match(problemsOf(given), [/^ECTX_AUDIT_SYSLOG must be set too/])
  t.equal(loadConfig({}).auditAnchor, undefined)
  t.equal(loadConfig({ ECTX_ROOT_KEY_FILE: '/key', ECTX_DATA_DIR: '/d' }).auditAnchor, '/d/audit-heads.jws')
  t.equal(loadConfig({ ECTX_ROOT_KEY_FILE: '/key', ECTX_AUDIT_ANCHOR: '/a' }).auditAnchor, '/a')
})

t.test('events go to a webhook that knows whose they are, or to NATS', async t => {
  const secretFile = { ECTX_EVENTS_SECRET_FILE: '/secret' }
  for (const url of ['https://h', 'https://user:pass@h:8443/hook?token=t', 'http://127.0.0.1:1/hook', 'http://[::1]', 'http://localhost']) {
    t.same(loadConfig({ ECTX_EVENTS_URL: url, ...secretFile }).events, { url, secretFile: '/secret', natsCreds: undefined })
  }
  for (const url of ['nats://h', 'nats://user:pass@h:4222', 'tls://t0ken@h:1/']) {
    t.same(loadConfig({ ECTX_EVENTS_URL: url, ECTX_EVENTS_NATS_CREDS: '/creds' }).events, { url, secretFile: undefined, natsCreds: '/creds' })
    t.match(problemsOf({ ECTX_EVENTS_URL: url, ...secretFile }), [/^ECTX_EVENTS_SECRET_FILE signs webhooks/])
  }
  for (const url of ['http://h', 'http://10.0.0.1/', 'ftp://h', 'h', 'https://h/#x', 'nats://', 'nats://h/x', 'nats://h?x', 'amqp://h', 'https://u:%@h', 'nats://%zz@h', 'nats://u:%ff@h']) {
    t.match(problemsOf({ ECTX_EVENTS_URL: url, ...secretFile }), [/^ECTX_EVENTS_URL must be https:/], url)
  }
  t.match(problemsOf({ ECTX_EVENTS_URL: 'https://h' }), [/^ECTX_EVENTS_SECRET_FILE must be set too/])
  t.match(loadConfig({ ECTX_EVENTS_URL: 'http://localhost/' }), { events: { secretFile: undefined } })
  t.match(problemsOf({ ECTX_EVENTS_URL: 'https://localhost', ECTX_EVENTS_NATS_CREDS: '/creds' }), [/^ECTX_EVENTS_NATS_CREDS is for NATS/])
  for (const name of ['ECTX_EVENTS_SECRET_FILE', 'ECTX_EVENTS_NATS_CREDS']) t.match(problemsOf({ [name]: '/x' }), [/^ECTX_EVENTS_URL must be set too/])
})

t.test('no value has blanks at its ends, control characters, broken bytes or quotes around it', async t => {
  const good: Record<string, string> = { ECTX_PORT: '1', ECTX_LOG_LEVEL: 'info', ECTX_KEY_ROTATION_HOURS: '1', ECTX_AUDIT_DAYS: '1', ECTX_RATE_LIMIT: '1', ECTX_HOST: 'localhost', ECTX_TRUSTED_PROXIES: '::1' }
  const names = problemsOf({ ECTX_: 'x' }).join().match(/\bECTX_[A-Z_]+/g)!
  t.ok(names.length > 15)
  for (const name of names) {
    const value = good[name] ?? '/s3cr3t'
    const wrong = [`${value}\r`, `${value}\n`, `${value} `, ` ${value}`, `\t${value}`, `${value}\u00a0`, `\ufeff${value}`, `${value}\u200b`, `${value}\0`, `/s3\x1bcr3t${value}`, `${value}\ufffd`, `"${value}"`, `'${value}'`, ' ']
    for (const text of wrong) {
      const problems = problemsOf({ [name]: text })
      t.match(problems, [new RegExp(`^${name} must be `)], JSON.stringify(text))
      t.equal(problems.length, 1)
      t.notMatch(problems.join(), /s3cr3t/)
    }
  }
  t.match(problemsOf({ ECTX_DATA_DIR: '/data\r' }), [/^ECTX_DATA_DIR must be a directory; .*carriage return/])
  t.match(problemsOf({ 'ECTX_PORT\r': '1' }), ['ECTX_PORT? is not known; did you mean ECTX_PORT?'])
  t.equal(loadConfig({ ECTX_DATA_DIR: '/a b/it\'s "new"/データ' }).dataDir, '/a b/it\'s "new"/データ', 'anything else is a name')
})

t.test('a path that a shell should have expanded is refused', async t => {
  const paths = ['ECTX_DATA_DIR', 'ECTX_TOKENS_FILE', 'ECTX_JWT_JWKS', 'ECTX_KEYRING_FILE', 'ECTX_ROOT_KEY_FILE', 'ECTX_TLS_CERT', 'ECTX_TLS_KEY', 'ECTX_TLS_CA']
  for (const name of paths) {
    for (const path of ['~', '~/data', '~ectx/data', '$HOME/data', '$' + '{HOME}/data']) t.match(problemsOf({ [name]: path }), [new RegExp(`^${name} must be .*write the whole path`)], path)
  }
  for (const dataDir of ['./~', 'data~', './$x', '.', '../data', '/']) t.equal(loadConfig({ ECTX_DATA_DIR: dataDir }).dataDir, dataDir)
})

t.test('ECTX_HOST is an address or a name, and nothing around it', async t => {
  for (const host of ['127.0.0.1', '::1', 'localhost', '127.9.9.9']) t.equal(loadConfig({ ECTX_HOST: host }).host, host)
  for (const host of ['0.0.0.0', '::', 'my-host.example', 'fe80::1%eth0']) t.equal(loadConfig({ ECTX_HOST: host, ECTX_TOKENS_FILE: 'f' }).host, host)
  for (const host of ['http://localhost', 'localhost:8080', '[::1]', '127.0.0.1/8', 'a b', 'a,b', '*']) t.match(problemsOf({ ECTX_HOST: host }), [/^ECTX_HOST must be an address or a host name/], host)
})

t.test('an audience is one at least', async t => {
  t.match(problemsOf({ ECTX_JWT_ISSUER: 'i', ECTX_JWT_AUDIENCE: ',', ECTX_JWT_JWKS: 'f' }), [/^ECTX_JWT_AUDIENCE must be /])
})
