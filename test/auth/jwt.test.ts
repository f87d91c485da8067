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
import { until } from '../support/until.js'

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

  t.test('which is cut, marked and still of that subject alone where it is long', async t => {
    const name = async (sub: string) => (await verifier.verify(await one.sign({ sub })))?.name
    t.equal(await name('x'.repeat(255)), `jwt:${'x'.repeat(255)}`)
    const long = ['x'.repeat(256), 'x'.repeat(1024), `${'x'.repeat(255)}y`, 'ä'.repeat(512), `${'x'.repeat(218)}${'ä'.repeat(40)}`]
    const names = await Promise.all(long.map(name))
    for (const name of names) t.match(name, /^jwt:([\w.:@/|+=,~-]|%[\dA-F]{2}){210,219}%\.\.\.[\da-f]{32}$|^jwt:(%[\dA-F]{2}){73}%\.\.\.[\da-f]{32}$/)
    t.equal(new Set(names).size, long.length)
    t.not(await name(names[0]!.slice(4)), names[0], 'and nobody is called so')
  })

  t.test('and needs a subject that can be a name', async t => {
    for (const sub of ['', 'x'.repeat(1025), 'ä'.repeat(513), undefined]) t.equal(await verifier.verify(await one.sign({ sub })), undefined)
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

  /** A verifier that knows `one`; the next time that keys are fetched they come when `answer` is called. */
  async function withSlowIssuer (t: Test) {
    const fetches: Array<(response: Response) => void> = []
    const verifier = JwtVerifier.create(options('https://issuer.test/keys', { cooldownMs: 0, fetch: () => new Promise(resolve => fetches.push(resolve)) }))
    const first = verifier.verify(await one.sign())
    await until(async () => fetches.length === 1)
    fetches[0]!(Response.json({ keys: [one.jwk] }))
    t.match(await first, { kind: 'jwt' })
    return { verifier, fetches, answer: (...keys: JWK[]) => fetches.at(-1)!(Response.json({ keys })) }
  }

  t.test('are fetched once for all unknown keys of a while, and nobody of a known key waits for that', async t => {
    const { verifier, fetches, answer } = await withSlowIssuer(t)
    let settled = 0
    const unknown = await Promise.all(Array.from({ length: 20 }, (_, index) => two.sign({}, { kid: `random-${index}` })))
    const waiting = [...unknown, await two.sign()].map(token => verifier.verify(token).finally(() => { settled++ }))
    for (let sub = 0; sub < 3; sub++) t.match(await verifier.verify(await one.sign({ sub: `known-${sub}` })), { kind: 'jwt' })
    t.same([settled, fetches.length], [0, 2])
    answer(one.jwk, two.jwk)
    const callers = await Promise.all(waiting)
    t.match(callers.pop(), { kind: 'jwt' }, 'a key that came a moment ago is found')
    t.same(new Set(callers), new Set([undefined]))
    t.equal(fetches.length, 2)
  })

  t.test('are waited for by a few of each address at a time: the others are told to try again', async t => {
    const { verifier, answer } = await withSlowIssuer(t)
    const tokens = await Promise.all(Array.from({ length: 40 }, (_, index) => two.sign({}, { kid: `random-${index}` })))
    const codes: string[] = []
    const all = tokens.map(token => verifier.verify(token, '192.0.2.1').catch(error => codes.push(error.code)))
    const other = verifier.verify(await two.sign(), '192.0.2.2')
    await until(async () => codes.length === 8)
    t.same(new Set(codes), new Set(['resource_exhausted']))
    answer(one.jwk, two.jwk)
    t.match(await other, { kind: 'jwt' })
    await Promise.all(all)
    t.equal(codes.length, 8)
  })

  t.test('are not fetched again for an unknown key before the cooldown is over', async t => {
    let asked = 0
    const fetch = async () => {
      asked++
      return Response.json({ keys: [one.jwk] })
    }
    const patient = JwtVerifier.create(options('https://issuer.test/keys', { cooldownMs: 3_600_000, fetch }))
    t.match(await patient.verify(await one.sign()), { kind: 'jwt' })
    let settled = 0
    patient.verify(await two.sign()).finally(() => { settled++ }).catch(() => {})
    for (let sub = 0; sub < 20; sub++) t.match(await patient.verify(await one.sign({ sub: `known-${sub}` })), { kind: 'jwt' })
    t.same([settled, asked], [0, 1])

    const brisk = JwtVerifier.create(options('https://issuer.test/keys', { cooldownMs: 5, fetch }))
    const unknown = brisk.verify(await two.sign())
    await until(async () => asked === 3)
    t.equal(await unknown, undefined)
  })

  t.test('are not fetched for tokens that cannot be acceptable whatever their key', async t => {
    const { state, jwks } = await startIssuer(t, [one.jwk])
    const verifier = JwtVerifier.create(options(jwks, { cooldownMs: 0 }))
    for (const claims of [{ iss: 'https://other.test' }, { exp: now - 61 }]) t.equal(await verifier.verify(await two.sign(claims)), undefined)
    t.equal(state.asked, 0)
  })

  t.test('stay in force for a day while newer ones cannot be had, which is told once', async t => {
    let clock = 5000
    t.intercept(performance, 'now', { value: () => clock })
    let answer: () => Response | Promise<Response> = () => Response.json({ keys: [one.jwk] })
    let asked = 0
    const problems: string[] = []
    const mended: string[] = []
    const verifier = JwtVerifier.create(options('https://issuer.test/keys', {
      fetch: async () => { asked++; return answer() },
      onProblem: message => problems.push(message),
      onMended: what => mended.push(what)
    }))
    let subjects = 0
    const verify = async () => {
      const caller = await verifier.verify(await one.sign({ sub: `runner-${++subjects}` }))
      // What is fetched in the background is there now.
      await new Promise(resolve => setImmediate(resolve))
      return caller
    }
    t.match(await verify(), { kind: 'jwt' })
    const secret = 's3cr3t'
    const failures: Array<[answer: () => Response | Promise<Response>, problem: RegExp]> = [
      [() => { throw new TypeError(`fetch failed: ${secret}`, { cause: Object.assign(new Error(secret), { code: 'ECONNREFUSED' }) }) }, /ECONNREFUSED/],
      [() => new Response(secret, { status: 500 }), /answers 500/],
      [() => new Response(null, { status: 302, headers: { location: `https://elsewhere.test/${secret}` } }), /answers 302.*set the URL/],
      [() => new Response(`{"keys": ${secret}`), /no valid JSON/],
      [() => Response.json({ keyz: secret }), /JSON Web Key Set/],
      [() => new Response(`{"keys":[],"x":"${'x'.repeat(1024 * 1024)}"}`), /larger than 1 MiB/]
    ]
    for (const [at, [failure, problem]] of failures.entries()) {
      answer = failure
      for (let turn = 0; turn < 3; turn++) {
        clock += 3_600_000
        t.match(await verify(), { kind: 'jwt' })
      }
      t.equal(asked, 1 + 3 * (at + 1))
      t.equal(problems.length, at + 1)
      t.match(problems[at], problem)
      t.match(problems[at], /stay in force/)
    }
    t.notMatch(JSON.stringify(problems), secret)
    clock += 6 * 3_600_000
    await t.rejects(verify(), { code: 'unavailable' }, 'a day later')
    clock += 10_000
    answer = () => Response.json({ keys: [one.jwk] })
    t.match(await verify(), { kind: 'jwt' })
    t.same(mended, ['the key set for JWTs'])
  })

  t.test('are read to the end of what they may be, and no further', async t => {
    let sent = 0
    const body = new ReadableStream({
      pull (controller) {
        sent += 65_536
        controller.enqueue(new Uint8Array(65_536).fill(32))
      }
    })
    const problems: string[] = []
    const verifier = JwtVerifier.create(options('https://issuer.test/keys', { fetch: async () => new Response(body), onProblem: message => problems.push(message) }))
    await t.rejects(verifier.verify(await one.sign()), { code: 'unavailable' })
    t.match(problems, [/larger than 1 MiB/])
    t.ok(sent < 2 * 1024 * 1024)
  })

  t.test('may come with a byte order mark, as any type, and among what is none', async t => {
    const broken = [null, 5, 'text', [one.jwk], {}, { kty: 'EC' }, { kty: 'EC', kid: 'one', crv: 'P-256', x: '!', y: '!' }, { kty: null, kid: 'one' }, { kty: 'oct', k: 'AAAA', kid: 'one' }, one.privateJwk]
    const fetch = async () => new Response(`\ufeff${JSON.stringify({ keys: [...broken, one.jwk, ...broken] })}`, { headers: { 'content-type': 'text/html' } })
    const verifier = JwtVerifier.create(options('https://issuer.test/keys', { fetch }))
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

t.test('of several keys that a token may be by each is tried', async t => {
  const nameless = (key: Signer) => ({ ...key, jwk: { ...key.jwk, kid: undefined } as unknown as Signer['jwk'] })
  const same = await signer('one')
  const cases: Array<[what: string, keys: Signer[], token: Promise<string>]> = [
    ['two without a kid, and a token without one', [nameless(two), nameless(one)], one.sign({}, { kid: undefined })],
    ['two without a kid, and a token with one', [nameless(two), nameless(one)], one.sign()],
    ['two with one kid', [same, one], one.sign()],
    ['two with one kid, the other order', [one, same], one.sign()],
    ['one with a kid and one without', [two, nameless(one)], one.sign()],
    ['a token without a kid', [two, one], one.sign({}, { kid: undefined })]
  ]
  for (const [what, keys, token] of cases) {
    const { verifier } = withFile(t, keys)
    t.match(await verifier.verify(await token), { kind: 'jwt' }, what)
    t.equal(await verifier.verify(await (await signer('one')).sign()), undefined, `${what}, and none of a stranger`)
  }
  const { verifier } = withFile(t, [same, one])
  t.equal(await verifier.verify(await one.sign({ aud: 'other' })), undefined)
})

t.test('a new key without a kid is found too', async t => {
  const { state, jwks } = await startIssuer(t, [{ ...one.jwk, kid: undefined } as unknown as JWK])
  const verifier = JwtVerifier.create(options(jwks, { cooldownMs: 0 }))
  t.match(await verifier.verify(await one.sign({}, { kid: undefined })), { kind: 'jwt' })
  state.keys = [{ ...two.jwk, kid: undefined } as unknown as JWK]
  t.match(await verifier.verify(await two.sign({}, { kid: undefined })), { kind: 'jwt' })
})

t.test('a token as long as headers may be is taken, and whatever is refused has a reason', async t => {
  const reasons: string[] = []
  const { verifier } = withFile(t, [one], { onRefused: reason => reasons.push(reason) })
  const groups = Array.from({ length: 300 }, (_, index) => `group-of-many-people-${index}`)
  const long = await one.sign({ groups })
  t.ok(long.length > 10_000)
  t.match(await verifier.verify(long), { kind: 'jwt' })
  t.same(reasons, [])
  for (const token of [`${long}x`, 'a.b.c.d.e', '..']) t.equal(await verifier.verify(token), undefined)
  t.equal(reasons.length, 3)
})

t.test('a token that was found valid is known until it expires or its keys change', async t => {
  const { verifier, rewrite } = withFile(t, [one], { clockToleranceSeconds: 0 })
  let clock = Date.now()
  t.intercept(Date, 'now', { value: () => clock })
  const token = await one.sign({ exp: Math.floor(clock / 1000) + 60 })
  const caller = await verifier.verify(token)
  t.match(caller, { kind: 'jwt' })
  t.equal(await verifier.verify(token), caller, 'the same object: nothing was verified')
  rewrite({ keys: [two.jwk] })
  t.equal(await verifier.verify(token), undefined)
  rewrite({ keys: [one.jwk] })
  t.match(await verifier.verify(token), { kind: 'jwt' })
  clock += 61_000
  t.equal(await verifier.verify(token), undefined)
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
