import fastify from 'fastify'
import t, { type Test } from 'tap'
import { SYSTEM, type Caller } from '../../src/auth/caller.js'
import { authenticateRequests } from '../../src/server/authentication.js'
import { refuse } from '../../src/rest/problem.js'
import { toFailure } from '../../src/server/failure.js'
import { limitRate } from '../../src/server/rate-limit.js'
import { sendRefusal } from '../../src/server/refusals.js'
import { bearer, OPERATOR, VIEWER, withTokens } from '../support/callers.js'
import { PATH, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'

const one: Caller = { kind: 'token', name: 'one', role: 'operator' }
const two: Caller = { kind: 'token', name: 'two', role: 'viewer' }

/** Asks as a caller that a hook finds out, as authentication does. */
async function startLimited (t: Test, perMinute: number) {
  const app = fastify()
  let caller = one
  const transports = [{ owns: () => true, refuse, async register () {} }]
  app.setErrorHandler((error, request, reply) => sendRefusal(transports, request, reply, toFailure(error)))
  const limit = await limitRate(app, perMinute)
  await app.register(async v1 => {
    authenticateRequests(v1, { authenticate: () => caller, failed () {} })
    v1.addHook('onRequest', ({ origin }) => limit?.(origin.caller) ?? Promise.resolve())
    v1.get('/limited', async () => 'ok')
    v1.post('/limited', async () => 'ok')
  })
  app.get('/free', async () => 'ok')
  t.teardown(() => app.close())
  return async (as: Caller, method: 'GET' | 'POST' = 'GET', url = '/limited') => {
    caller = as
    return await app.inject({ method, url })
  }
}

t.test('a caller has so many requests a minute, over all routes, and the next is 429 with Retry-After', async t => {
  let now = 1_800_000_000_000
  t.intercept(Date, 'now', { value: () => now })
  const ask = await startLimited(t, 3)
  for (const method of ['GET', 'POST', 'GET'] as const) {
    const { statusCode, headers } = await ask(one, method)
    t.equal(statusCode, 200)
    t.notOk(Object.keys(headers).some(name => name.startsWith('x-ratelimit')))
  }
  now += 20_500
  const refused = await ask(one)
  t.match(refused, { statusCode: 429, headers: { 'retry-after': '40' } })
  t.match(refused.json(), { code: 'resource_exhausted', status: 429, detail: /3 requests a minute/ })
  t.equal((await ask(one, 'POST')).statusCode, 429)
  t.equal((await ask(one, 'GET', '/free')).statusCode, 200, 'other routes are not limited')
  t.equal((await ask(two)).statusCode, 200, 'nor is another caller')
  t.equal((await ask({ ...one, kind: 'jwt' })).statusCode, 200, 'nor one of the same name and another kind')
  now += 40_000
  t.equal((await ask(one)).statusCode, 200, 'nor the next minute')
})

t.test('whoever needs no credentials has no limit', async t => {
  const ask = await startLimited(t, 1)
  for (let turn = 0; turn < 5; turn++) t.equal((await ask(SYSTEM)).statusCode, 200)
})

t.test('0 is no limit', async t => {
  const ask = await startLimited(t, 0)
  for (let turn = 0; turn < 5; turn++) t.equal((await ask(one)).statusCode, 200)
})

t.test('the gateway limits each caller, wherever it calls from', async t => {
  const { app } = await startGateway(t, undefined, { ...withTokens(t), ECTX_RATE_LIMIT: '2' })
  const ask = (token: string, url = `${PATH}/exec-x`, remoteAddress = '192.0.2.1') => app.inject({ url, remoteAddress, headers: bearer(token) })
  for (let turn = 0; turn < 2; turn++) t.equal((await ask(OPERATOR)).statusCode, 404)
  const refused = await ask(OPERATOR, '/v1/audit-events', '192.0.2.2')
  assertProblem(t, refused, { status: 429, code: 'resource_exhausted' })
  t.match(refused.headers['retry-after'], /^([1-9]|[1-5]\d|60)$/)
  t.equal((await ask(OPERATOR, '/healthz')).statusCode, 200)
  t.equal((await ask(VIEWER)).statusCode, 404)
})
