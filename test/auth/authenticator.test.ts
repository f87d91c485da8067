import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { bearerToken, createAuthenticator, type AuthenticatorOptions } from '../../src/auth/authenticator.js'
import { JwtVerifier } from '../../src/auth/jwt.js'
import { newRunToken, parseRunToken, sameHash } from '../../src/auth/run-token.js'
import { StaticTokens } from '../../src/auth/static-tokens.js'
import { GatewayError } from '../../src/errors.js'

const STATIC = 'ectx_wVbAiJ3yqB2oXc0dJ8mE6tS1kR9hL4nG7pF5uZaQxYs'
const ID = 'exec-01k6z3v9c8m2n4p6q8r0s1t2v3'
const run = newRunToken(ID)
const { publicKey, privateKey } = await generateKeyPair('ES256')
const jwt = (expires: string) => new SignJWT({ role: 'viewer' }).setProtectedHeader({ alg: 'ES256', kid: 'one' })
  .setIssuer('issuer').setAudience('ectx').setSubject('runner').setExpirationTime(expires).sign(privateKey)
const JWT = await jwt('1h')

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex')
const dir = t.testdir({
  'tokens.json': JSON.stringify([
    { name: 'runner', sha256: hashOf(STATIC), role: 'operator' },
    { name: 'leaver', sha256: hashOf('expired'), role: 'operator', expires_at: '2020-01-01T00:00:00Z' }
  ]),
  'jwks.json': JSON.stringify({ keys: [{ ...await exportJWK(publicKey), kid: 'one' }] })
})
const all: AuthenticatorOptions = {
  tokens: await StaticTokens.open(join(dir, 'tokens.json')),
  jwt: JwtVerifier.create({ issuer: 'issuer', audience: 'ectx', jwks: join(dir, 'jwks.json'), roleClaim: 'role', roles: { operator: ['operator'], viewer: ['viewer'] } }),
  runTokenOf: async id => id === ID ? { hash: run.hash, slug: 'my-run' } : undefined,
  allowSystem: false
}
const authenticate = createAuthenticator(all)

/** Text of the characters that a header can bring. */
const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)) })

/** What comes of `authorization`: the caller, or the error. */
const outcome = async (authorization: string, with_ = authenticate) => {
  try {
    return await with_({ authorization, isLocal: () => true })
  } catch (error) {
    return error
  }
}
const isRefused = (result: unknown) => result instanceof GatewayError && result.code === 'unauthenticated'

t.test('whoever shows nothing', async t => {
  const open = createAuthenticator({ ...all, allowSystem: true })
  t.test('is system on this machine, where that is allowed', async t => {
    t.match(open({ isLocal: () => true }), { kind: 'system', role: 'operator' })
    t.throws(() => open({ isLocal: () => false }), { code: 'unauthenticated', message: /this machine only/ })
  })
  t.test('is anonymous where credentials are configured', async t => {
    t.match(authenticate({ isLocal: () => true }), { kind: 'anonymous', role: undefined })
  })
  t.test('has not shown a wrong token: that is refused, even where nothing need be shown', async t => {
    for (const authorization of ['Bearer wrong', 'Basic d3Jvbmc6d3Jvbmc=', '']) t.ok(isRefused(await outcome(authorization, open)))
  })
})

t.test('a token is known by its kind', async t => {
  t.same(authenticate({ authorization: `Bearer ${STATIC}`, isLocal: () => false }), { kind: 'token', name: 'runner', role: 'operator' }, 'a static one at once')
  t.same(await outcome(`Bearer ${JWT}`), { kind: 'jwt', name: 'jwt:runner', role: 'viewer' })
  t.same(await outcome(`Bearer ${run.token}`), { kind: 'run', name: `run:${ID}`, contextId: ID, slug: 'my-run' })
})

t.test('a run token needs no other credentials', async t => {
  const authenticate = createAuthenticator({ runTokenOf: all.runTokenOf, allowSystem: true })
  t.match(await outcome(`Bearer ${run.token}`, authenticate), { kind: 'run' })
  for (const other of [STATIC, JWT]) t.ok(isRefused(await outcome(`Bearer ${other}`, authenticate)))
})

t.test('the scheme is of any case', async t => {
  for (const scheme of ['bearer', 'BEARER', 'Bearer  ']) t.match(await outcome(`${scheme} ${STATIC}`), { kind: 'token' })
})

t.test('all that is no bearer token is refused in the same words, so is each that is not valid, and none holds the token', async t => {
  const noToken = [STATIC, `Bearer${STATIC}`, `Basic ${STATIC}`, `Token ${STATIC}`, `Bearer ${STATIC} ${STATIC}`, `Bearer ${STATIC},`, `Bearer\t${STATIC}`, 'Bearer', 'Bearer ', '']
  const notValid = [
    `Bearer ${STATIC.slice(0, -1)}`, `Bearer ${STATIC}x`, `Bearer ${hashOf(STATIC)}`, 'Bearer expired',
    `Bearer ${newRunToken(ID).token}`, `Bearer ${newRunToken('exec-01k6z3v9c8m2n4p6q8r0s1t2v4').token}`,
    `Bearer ${await jwt('-1h')}`, `Bearer ${JWT.slice(0, -4)}AAAA`, `Bearer ${'x'.repeat(8192)}`
  ]
  const messages = { noToken: new Set<string>(), notValid: new Set<string>() }
  for (const authorization of [...noToken, ...notValid]) {
    const error = await outcome(authorization)
    t.ok(isRefused(error), authorization.slice(0, 20))
    messages[noToken.includes(authorization) ? 'noToken' : 'notValid'].add((error as GatewayError).message)
    const shown = inspect(error, { depth: 9, showHidden: true })
    for (const part of authorization.split(/[ .]/).filter(part => part.length > 6)) t.notOk(shown.includes(part))
  }
  t.same([...messages.noToken], ['the Authorization header is not of the form "Bearer <token>"; send it so, with a token that is in force'])
  t.same([...messages.notValid], ['the credentials are not valid; send "Authorization: Bearer <token>" with a token that is in force'])
})

t.test('a store or an issuer that fails is not the caller\'s fault', async t => {
  const down = async () => { throw new GatewayError('unavailable', 'down') }
  const authenticate = createAuthenticator({ ...all, jwt: { verify: down }, runTokenOf: down })
  for (const token of [run.token, JWT]) t.match(await outcome(`Bearer ${token}`, authenticate), { code: 'unavailable' })
})

t.test('any header is a bearer token or none', async t => {
  const header = fc.oneof(
    bytes,
    fc.tuple(fc.constantFrom('Bearer ', 'bearer  ', 'Bearer', 'Basic ', ''), fc.string()).map(parts => parts.join('')),
    fc.string({ unit: fc.constantFrom(...'aZ09-._~+/=') }).map(token => `Bearer ${token}`)
  )
  fc.assert(fc.property(header, header => {
    const token = bearerToken(header)
    return token === undefined || (/^bearer +$/i.test(header.slice(0, -token.length)) && header.endsWith(token) && !/[^!-~]/.test(token))
  }))
  t.equal(bearerToken(`Bearer ${'x'.repeat(16_000)}`)?.length, 16_000)
  t.equal(bearerToken(`Bearer ${'='.repeat(8000)}`), undefined)
})

// Some last characters of a signature say the same bits.
const isGood = (token: string) => token === STATIC || token === run.token || token.startsWith(JWT.slice(0, -1))

t.test('no garbage is let in, and none is anything but unauthenticated', async t => {
  const part = fc.oneof(fc.json().map(json => Buffer.from(json).toString('base64url')), fc.constantFrom(...JWT.split('.'), ''))
  const changed = fc.tuple(fc.constantFrom(STATIC, JWT, run.token), fc.nat(), fc.string({ maxLength: 2 })).map(([token, at, text]) =>
    token.slice(0, at % token.length) + text + token.slice(at % token.length + 1))
  const token = fc.oneof(bytes, fc.base64String(), changed, fc.tuple(part, part, part).map(parts => parts.join('.')), fc.string().map(text => `ectx_run_${ID}_${text}`))
  await t.resolves(fc.assert(fc.asyncProperty(fc.constantFrom('Bearer ', ''), token, async (scheme, token) => {
    fc.pre(!isGood(token.trim()))
    return isRefused(await outcome(scheme + token))
  }), { numRuns: 500 }))
})

t.test('a run token', async t => {
  t.test('names its context, and is known by its hash', async t => {
    fc.assert(fc.property(fc.stringMatching(/^[a-z0-9-]{1,64}$/), contextId => {
      const { token, hash } = newRunToken(contextId)
      const parsed = parseRunToken(token)
      return parsed?.contextId === contextId && sameHash(parsed.hash, hash) && /^ectx_run_[\w-]+$/.test(token)
    }))
  })

  t.test('is never made twice, and its hash is not in it', async t => {
    const other = newRunToken(ID)
    t.not(other.token, run.token)
    t.notOk(sameHash(other.hash, run.hash))
    t.equal(Buffer.from(run.hash).toString('hex'), hashOf(run.token))
  })

  t.test('of any other form is none', async t => {
    const text = fc.oneof(bytes, fc.string().map(text => `ectx_run_${text}`), fc.tuple(fc.string(), fc.string()).map(([id, rest]) => `ectx_run_${id}_${rest}`))
    fc.assert(fc.property(text, text => parseRunToken(text) === undefined || /^ectx_run_[a-z0-9-]+_[\w-]{43}$/.test(text)))
    for (const wrong of [` ${run.token}`, `${run.token}\n`, `${run.token}=`, run.token.slice(0, -1), run.token.toUpperCase(), STATIC]) t.equal(parseRunToken(wrong), undefined)
  })
})

t.test('hashes of different lengths are not the same', async t => {
  t.ok(sameHash(run.hash, Uint8Array.from(run.hash)))
  for (const other of [new Uint8Array(), run.hash.subarray(1)]) t.notOk(sameHash(run.hash, other))
})
