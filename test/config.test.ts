import t from 'tap'
import { ConfigError, loadConfig } from '../src/config.js'

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
  for (const wrong of ['Memory', 'postgres://db/ectx', 'leveldb', ' memory']) {
    t.match(problemsOf({ ECTX_STORE: wrong }), [/^ECTX_STORE must be embedded .* or memory /], wrong)
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
