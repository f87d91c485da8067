import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { exportJWK, SignJWT, UnsecuredJWT, type JWK, type JWTPayload } from 'jose'
import t, { type Test } from 'tap'
import { JwtVerifier, type JwtOptions } from '../../src/auth/jwt.js'

const ISSUER = 'https://issuer.test'
const AUDIENCE = 'ectx'
const now = Math.floor(Date.now() / 1000)

type Signer = Awaited<ReturnType<typeof signer>>

/** A key pair; `sign` makes a token that is acceptable but for what `claims` (undefined: none) and `header` change. */
async function signer (kid: string, { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' }), alg = 'ES256') {
  return {
    publicKey,
    jwk: { ...await exportJWK(publicKey), kid },
    privateJwk: { ...await exportJWK(privateKey), kid },
    sign: (claims: JWTPayload = {}, header: object = {}) => new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub: 'runner', exp: now + 3600, roles: 'ectx-operator', ...claims })
      .setProtectedHeader({ alg, kid, ...header }).sign(privateKey)
  }
}

/** An issuer's key endpoint: answers `state.keys` with `state.status`, and counts how often it was asked. */
async function startIssuer (t: Test, keys: JWK[]) {
  const state = { keys, status: 200, asked: 0 }
  const server = createServer((_request, response) => {
    state.asked++
    response.writeHead(state.status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify({ keys: state.keys }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = () => new Promise(resolve => server.close(resolve))
  t.teardown(stop)
  return { state, stop, jwks: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys` }
}

const options = (jwks: string, changes: Partial<JwtOptions> = {}): JwtOptions => ({
  issuer: ISSUER,
  audience: AUDIENCE,
  jwks,
  roleClaim: 'roles',
  roles: { operator: ['ectx-operator'], viewer: ['ectx-viewer'] },
  ...changes
})

/** A verifier of the keys of `signers` in a file, which `rewrite` changes. */
function withFile (t: Test, signers: Signer[], changes: Partial<JwtOptions> = {}) {
  const jwks = join(t.testdir(), 'jwks.json')
  const rewrite = (content: unknown) => writeFileSync(jwks, JSON.stringify(content))
  rewrite({ keys: signers.map(({ jwk }) => jwk) })
  return { jwks, rewrite, verifier: JwtVerifier.create(options(jwks, { checkEveryMs: 0, ...changes })) }
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const one = await signer('one')
const two = await signer('two')

t.test('a token says who calls', async t => {
  const { verifier } = withFile(t, [one])

  t.test('by its subject', async t => {
    t.same(await verifier.verify(await one.sign()), { kind: 'jwt', name: 'jwt:runner', role: 'operator' })
    for (const sub of ['repo:octo-org/octo-repo:ref:refs/heads/main', 'system:serviceaccount:ci:runner', 'auth0|5f7c', 'a+b@example.test']) {
      t.match(await verifier.verify(await one.sign({ sub })), { name: `jwt:${sub}` })
    }
  })

  t.test('in a name that is bounded, safe in a log, and of that subject alone', async t => {
    const subjects = ['a b', 'a%20b', 'a\nb', "a'b", 'a"b', 'ä', '\u{1f600}', '\ud800', '\u202e']
    const names = await Promise.all(subjects.map(async sub => (await verifier.verify(await one.sign({ sub })))?.name))
    for (const name of names) t.match(name, /^jwt:[\w.:@/|+=,~%-]{1,255}$/)
    t.equal(new Set(names).size, subjects.length)
  })

  t.test('and needs a subject that can be a name', async t => {
    for (const sub of ['', 'x'.repeat(256), undefined]) t.equal(await verifier.verify(await one.sign({ sub })), undefined)
    t.match(await verifier.verify(await one.sign({ sub: 'x'.repeat(255) })), { kind: 'jwt' })
    t.equal(await verifier.verify(await one.sign({ sub: 5 as unknown as string })), undefined)
  })
})

t.test('a signature of any kind by a key pair is taken', async t => {
  const pairs: Array<[pair: ReturnType<typeof generateKeyPairSync>, algorithms: string[]]> = [
    [generateKeyPairSync('rsa', { modulusLength: 2048 }), ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
    [generateKeyPairSync('ec', { namedCurve: 'P-256' }), ['ES256']],
    [generateKeyPairSync('ec', { namedCurve: 'P-384' }), ['ES384']],
    [generateKeyPairSync('ec', { namedCurve: 'P-521' }), ['ES512']],
    [generateKeyPairSync('ed25519'), ['EdDSA', 'Ed25519']]
  ]
  for (const [pair, algorithms] of pairs) {
    const key = await signer('one', pair)
    const { verifier } = withFile(t, [key])
    for (const alg of algorithms) t.match(await verifier.verify(await key.sign({}, { alg })), { role: 'operator' }, alg)
  }
})

t.test('a token is refused', async t => {
  const reasons: string[] = []
  const { verifier } = withFile(t, [one], { onRefused: reason => reasons.push(reason) })
  const stranger = await signer('one')
  const good = await one.sign()
  const [header, payload, signature] = good.split('.') as [string, string, string]
  const key = new TextEncoder().encode(one.publicKey.export({ type: 'spki', format: 'pem' }).toString())
  const hs256 = await new SignJWT({ roles: 'ectx-operator' }).setProtectedHeader({ alg: 'HS256', kid: 'one' })
    .setIssuer(ISSUER).setAudience(AUDIENCE).setSubject('runner').setExpirationTime('1h').sign(key)
  const unsecured = new UnsecuredJWT({ roles: 'ectx-operator' }).setIssuer(ISSUER).setAudience(AUDIENCE).setSubject('runner').setExpirationTime('1h').encode()

  const cases: Record<string, string | Promise<string>> = {
    'of another issuer': one.sign({ iss: 'https://issuer.test/' }),
    'without an issuer': one.sign({ iss: undefined }),
    'for another audience': one.sign({ aud: 'other' }),
    'without an audience': one.sign({ aud: undefined }),
    'that has expired': one.sign({ exp: now - 61 }),
    'that never expires': one.sign({ exp: undefined }),
    'that is not yet valid': one.sign({ nbf: now + 300 }),
    'of another key with the same id': stranger.sign(),
    'of an unknown key': two.sign(),
    'that is unsecured': unsecured,
    'that claims "none" over a signature': `${base64({ alg: 'none', kid: 'one' })}.${payload}.${signature}`,
    'signed by HS256 with the public key': hs256,
    'with another algorithm than its key': `${base64({ alg: 'RS256', kid: 'one' })}.${payload}.${signature}`,
    'with an unknown critical header': `${base64({ alg: 'ES256', kid: 'one', crit: ['x'], x: 1 })}.${payload}.${signature}`,
    'with changed claims': `${header}.${base64({ iss: ISSUER, aud: AUDIENCE, sub: 'root', exp: now + 3600, roles: 'ectx-operator' })}.${signature}`,
    'without a signature': `${header}.${payload}.`,
    'that brings its own key': stranger.sign({}, { kid: undefined, jwk: stranger.jwk }),
    'that is no JWT': 'a.b.c',
    'that is empty': ''
  }
  for (const [what, token] of Object.entries(cases)) {
    reasons.length = 0
    t.equal(await verifier.verify(await token), undefined, what)
    t.equal(reasons.length, 1)
    t.match(reasons[0], /^ERR_[A-Z_]+( \((iss|aud|exp|nbf)\))?$/, 'and the reason quotes nothing')
  }
  t.match(await verifier.verify(good), { kind: 'jwt' }, 'and one without fault is not')
})

t.test('clocks may be apart by the tolerance', async t => {
  const { verifier } = withFile(t, [one])
  t.match(await verifier.verify(await one.sign({ exp: now - 30 })), { kind: 'jwt' })
  t.match(await verifier.verify(await one.sign({ nbf: now + 30 })), { kind: 'jwt' })
  const strict = withFile(t, [one], { clockToleranceSeconds: 0 }).verifier
  t.equal(await strict.verify(await one.sign({ exp: now - 30 })), undefined)
})

t.test('one of several audiences is enough', async t => {
  const { verifier } = withFile(t, [one], { audience: ['ectx', 'ectx-staging'] })
  t.match(await verifier.verify(await one.sign({ aud: ['other', 'ectx-staging'] })), { kind: 'jwt' })
  t.equal(await verifier.verify(await one.sign({ aud: ['other'] })), undefined)
})

t.test('a claim gives the role', async t => {
  const cases: Array<[roleClaim: string, claims: JWTPayload, role: string | undefined]> = [
    ['roles', { roles: 'ectx-viewer' }, 'viewer'],
    ['roles', { roles: ['x', 'ectx-viewer'] }, 'viewer'],
    ['roles', { roles: ['ectx-viewer', 'ectx-operator'] }, 'operator'],
    ['realm_access.roles', { realm_access: { roles: ['ectx-operator'] } }, 'operator'],
    ['realm_access.roles', { 'realm_access.roles': 'ectx-viewer', realm_access: { roles: ['ectx-operator'] } }, 'viewer'],
    ['https://x.test/role', { 'https://x.test/role': 'ectx-operator' }, 'operator'],
    ['https://x\\.test/access.role', { 'https://x.test/access': { role: 'ectx-operator' } }, 'operator'],
    ['scope', { scope: 'openid ectx-operator' }, 'operator'],
    ['roles', { roles: 'openid ectx-operator' }, undefined],
    ['roles', { roles: 'Ectx-Operator' }, undefined],
    ['roles', { roles: { 'ectx-operator': true } }, undefined],
    ['roles', { roles: [['ectx-operator']] }, undefined],
    ['roles', { roles: null }, undefined],
    ['roles', { roles: [] }, undefined],
    ['realm_access.roles', { realm_access: 'ectx-operator' }, undefined],
    ['absent.roles', {}, undefined],
    ['constructor.name', {}, undefined],
    ['__proto__', {}, undefined]
  ]
  for (const [roleClaim, claims, role] of cases) {
    const { verifier } = withFile(t, [one], { roleClaim, roles: { operator: ['ectx-operator', 'Object'], viewer: ['ectx-viewer'] } })
    const caller = await verifier.verify(await one.sign({ roles: undefined, ...claims }))
    t.match(caller, { kind: 'jwt' }, 'whoever has none is known nevertheless')
    t.equal(caller?.role, role, `${roleClaim} of ${JSON.stringify(claims)}`)
  }
})

t.test('keys of a URL', async t => {
  t.test('are fetched once for many tokens', async t => {
    const { state, jwks } = await startIssuer(t, [one.jwk, two.jwk])
    const verifier = JwtVerifier.create(options(jwks))
    t.equal(state.asked, 0)
    await Promise.all([one, two, one, two].map(async key => t.match(await verifier.verify(await key.sign()), { kind: 'jwt' })))
    t.equal(state.asked, 1)
  })

  t.test('are fetched again for an unknown key, which a rotation brings', async t => {
    const { state, jwks } = await startIssuer(t, [one.jwk])
    const verifier = JwtVerifier.create(options(jwks, { cooldownMs: 0 }))
    t.match(await verifier.verify(await one.sign()), { kind: 'jwt' })
    state.keys = [two.jwk]
    t.match(await verifier.verify(await two.sign()), { kind: 'jwt' })
    t.equal(await verifier.verify(await one.sign()), undefined, 'and the old key is gone')
  })

  t.test('are not fetched again for unknown keys until the cooldown is over', async t => {
    const { state, jwks } = await startIssuer(t, [one.jwk])
    const verifier = JwtVerifier.create(options(jwks, { cooldownMs: 10_000 }))
    let clock = Date.now()
    t.intercept(Date, 'now', { value: () => clock })
    await verifier.verify(await one.sign())
    const asked = async (times: number) => {
      for (let token = 0; token < 3; token++) t.equal(await verifier.verify(await two.sign()), undefined)
      t.equal(state.asked, times)
    }
    await asked(1)
    clock += 10_000
    await asked(2)
    t.match(await verifier.verify(await one.sign()), { kind: 'jwt' })
  })

  t.test('are not fetched for a token of an algorithm that is not allowed', async t => {
    const { state, jwks } = await startIssuer(t, [one.jwk])
    t.equal(await JwtVerifier.create(options(jwks)).verify(new UnsecuredJWT({}).encode()), undefined)
    t.equal(state.asked, 0)
  })

  t.test('that cannot be had are no fault of the token', async t => {
    const { state, stop, jwks } = await startIssuer(t, [one.jwk])
    let clock = 5000
    t.intercept(performance, 'now', { value: () => clock })
    const verifier = JwtVerifier.create(options(jwks))
    const token = await one.sign()
    const unavailable = async () => {
      const error = await verifier.verify(token).catch(error => error)
      t.match(error, { name: 'GatewayError', code: 'unavailable' })
      for (const part of token.split('.')) t.notOk(inspect(error, { depth: 9, showHidden: true }).includes(part))
      clock += 1000
    }
    state.status = 500
    await unavailable()
    state.status = 200
    state.keys = 'none' as unknown as JWK[]
    await unavailable()
    await stop()
    await unavailable()
  })

  t.test('are not asked for again at once after a failure', async t => {
    let clock = 5000
    t.intercept(performance, 'now', { value: () => clock })
    const failures = [async () => { throw new TypeError('fetch failed') }, async () => new Response(null, { status: 500 })]
    for (const failure of failures) {
      let asked = 0
      let answer: () => Promise<Response> = failure
      const fetch = () => { asked++; return answer() }
      const verifier = JwtVerifier.create(options('https://issuer.test/keys', { fetch }))
      const token = await one.sign()
      for (let time = 0; time < 3; time++) await t.rejects(verifier.verify(token), { code: 'unavailable' })
      t.equal(asked, 1)
      answer = async () => Response.json({ keys: [one.jwk] })
      clock += 1000
      t.match(await verifier.verify(token), { kind: 'jwt' })
      t.equal(asked, 2)
    }
  })
})

t.test('keys of a file', async t => {
  t.test('are read again when it changes', async t => {
    const { verifier, rewrite } = withFile(t, [one])
    rewrite({ keys: [two.jwk], note: 'rotated' })
    t.equal(await verifier.verify(await one.sign()), undefined)
    t.match(await verifier.verify(await two.sign()), { kind: 'jwt' })
  })

  t.test('stay where the changed file holds none', async t => {
    const problems: string[] = []
    const { jwks, verifier, rewrite } = withFile(t, [one], { onProblem: message => problems.push(message) })
    rewrite({ keyz: [] })
    t.match(await verifier.verify(await one.sign()), { kind: 'jwt' })
    t.match(problems, [/JSON Web Key Set/])
    t.ok(problems[0]!.includes(jwks))
  })

  t.test('must be public: a key that cannot verify makes tokens neither valid nor invalid', async t => {
    const { rewrite, verifier } = withFile(t, [one])
    rewrite({ keys: [one.privateJwk] })
    await t.rejects(verifier.verify(await one.sign()), { code: 'unavailable' })
  })
})

t.test('options that would let in too many, or nobody, are refused', async t => {
  const { jwks } = withFile(t, [one])
  const cases: Array<[Partial<JwtOptions>, RegExp]> = [
    [{ issuer: '' }, /issuer/],
    [{ audience: '' }, /audience/],
    [{ audience: [] }, /audience/],
    [{ roleClaim: '' }, /claim/],
    [{ roles: { operator: [], viewer: [] } }, /role/],
    [{ jwks: 'http://issuer.test/keys' }, /https/],
    [{ jwks: 'https://' }, /https/],
    [{ jwks: `${jwks}.absent` }, /ENOENT/]
  ]
  for (const [changes, message] of cases) t.throws(() => JwtVerifier.create(options(jwks, changes)), { code: 'invalid_argument', message })
  for (const allowed of ['http://[::1]:1/keys', 'http://localhost:1/keys', 'HTTPS://issuer.test/keys']) t.ok(JwtVerifier.create(options(allowed)))
})
