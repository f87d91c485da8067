import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { newRunToken } from '../../src/auth/run-token.js'
import { recordsOf } from '../audit/support.js'
import { bearer, OPERATOR, VIEWER, withTokens } from '../support/callers.js'
import { newDataDir } from '../support/data-dir.js'
import { contextBody, PATH, post, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'

const ID = 'exec-01k6z3v9c8m2n4p6q8r0s1t2v3'
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { publicKey, privateKey } = pair()
const stranger = pair().privateKey
const jwt = (sub: string, key = privateKey) => new SignJWT({ sub, role: 'operator' }).setProtectedHeader({ alg: 'ES256', kid: 'one' })
  .setIssuer('https://issuer.test').setAudience('ectx').setExpirationTime('1h').sign(key)

/** The variables of a gateway that knows static tokens and JWTs. */
async function withAll (t: Test) {
  const jwks = join(newDataDir(t), 'jwks.json')
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...await exportJWK(publicKey), kid: 'one' }] }))
  return { ...withTokens(t), ECTX_JWT_ISSUER: 'https://issuer.test', ECTX_JWT_AUDIENCE: 'ectx', ECTX_JWT_JWKS: jwks }
}

t.test('valid credentials pass however many failed before from the same address, and while others do', async t => {
  const { app } = await startGateway(t, undefined, await withAll(t))
  const created = await post(app, contextBody(), `${PATH}?run_token=true`, bearer(OPERATOR))
  const { metadata: { id }, status: { run_token: run } } = created.json()
  const ask = async (headers: Record<string, string>) => (await app.inject({ url: `${PATH}/${id}`, headers })).statusCode
  const wrong = [{}, bearer('wrong'), { authorization: 'Basic eDp5' }, bearer(newRunToken(id).token), bearer(newRunToken(ID).token), bearer(`${await jwt('x')}x`)]
  const known = await jwt('known')
  t.equal(await ask(bearer(known)), 200)
  for (const headers of wrong) {
    const failing = Array.from({ length: 100 }, () => ask(headers))
    for (const token of [OPERATOR, VIEWER, run, known, await jwt(`new-${wrong.indexOf(headers)}`)]) t.equal(await ask(bearer(token)), 200)
    t.same(new Set(await Promise.all(failing)), new Set([401]))
  }
  const forged = await Promise.all(Array.from({ length: 200 }, (_, index) => jwt(`x-${index}`, stranger)))
  const failing = forged.map(token => ask(bearer(token)))
  for (const token of [OPERATOR, known, await jwt('newest')]) t.equal(await ask(bearer(token)), 200)
  t.same(new Set(await Promise.all(failing)), new Set([401]))
})

t.test('whoever shows nothing is told how to, whatever is wrong with the rest of the request', async t => {
  const { app } = await startGateway(t, undefined, withTokens(t))
  const json = { 'content-type': 'application/json' }
  const requests: Array<[method: 'GET' | 'POST' | 'DELETE', url: string, payload?: string, headers?: Record<string, string>]> = [
    ['POST', PATH, 'x'.repeat(3 * 1024 * 1024), json],
    ['POST', PATH, '{', json],
    ['POST', PATH, '{}', { 'content-type': 'text/plain' }],
    ['POST', `${PATH}/apply?view=wrong`, '{}', json],
    ['GET', `${PATH}/${ID}?unknown=1`],
    ['GET', `${PATH}/by-reference`],
    ['DELETE', `${PATH}/${ID}`, undefined, { 'if-match': 'wrong' }],
    ['GET', '/v1/audit-events?page_size=many']
  ]
  for (const [method, url, payload, headers] of requests) {
    const response = await app.inject({ method, url, payload, headers })
    const { detail } = assertProblem(t, response, { status: 401, code: 'unauthenticated' }, url)
    t.match(detail, /send "Authorization: Bearer <token>"/)
    t.equal(response.headers['www-authenticate'], 'Bearer realm="ectx"')
  }
})

t.test('failures are in the audit log: the first of an address one by one, and how many more there were', async t => {
  const { app, close, dataDir } = await startGateway(t, undefined, withTokens(t))
  for (let turn = 0; turn < 15; turn++) {
    await app.inject({ url: `${PATH}/${ID}`, remoteAddress: '::ffff:192.0.2.1', headers: bearer('wrong') })
    await app.inject({ url: `${PATH}/${ID}`, remoteAddress: '192.0.2.1' })
  }
  await app.inject({ url: `${PATH}/${ID}`, remoteAddress: '192.0.2.2' })
  await close()
  const failed = (await recordsOf(join(dataDir, 'audit'))).filter(({ event }) => event === 'authentication_failed')
  t.equal(failed.filter(event => event.remote_address === '192.0.2.1' && event.request_id !== undefined && event.count === undefined).length, 20)
  t.match(failed.filter(({ count }) => count !== undefined), [{ remote_address: '192.0.2.1', count: 10, outcome: 'unauthenticated', caller: { kind: 'anonymous' } }])
  t.equal(failed.length, 22)
})
