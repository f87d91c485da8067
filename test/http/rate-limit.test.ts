import fastify from 'fastify'
import t, { type Test } from 'tap'
import { SYSTEM, type Caller } from '../../src/auth/caller.js'
import { sendProblem, toFailure } from '../../src/http/problem.js'
import { limitRate } from '../../src/http/rate-limit.js'
import { PATH, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'

const one: Caller = { kind: 'token', name: 'one', role: 'operator' }
const two: Caller = { kind: 'token', name: 'two', role: 'viewer' }

/** Asks as a caller that a hook finds out, as authentication does. */
async function startLimited (t: Test, perMinute: number) {
  const app = fastify()
  const callers = new WeakMap<object, Caller>()
  let caller = one
  app.setErrorHandler((error, request, reply) => sendProblem(request, reply, toFailure(error)))
  await app.register(async v1 => {
    await limitRate(v1, { perMinute, callerOf: request => callers.get(request)! })
    await v1.register(async routes => {
      routes.addHook('onRequest', async request => { callers.set(request, caller) })
      routes.get('/limited', async () => 'ok')
      routes.post('/limited', async () => 'ok')
    })
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

t.test('the gateway limits who is not on this machine', async t => {
  const { app } = await startGateway(t, undefined, { requestsPerMinute: 2 })
  const ask = (remoteAddress: string, url = `${PATH}/exec-x`) => app.inject({ url, remoteAddress })
  for (let turn = 0; turn < 2; turn++) t.not((await ask('192.0.2.1')).statusCode, 429)
  const refused = await ask('192.0.2.1')
  assertProblem(t, refused, { status: 429, code: 'resource_exhausted' })
  t.match(refused.headers['retry-after'], /^([1-9]|[1-5]\d|60)$/)
  t.equal((await ask('192.0.2.1', '/healthz')).statusCode, 200)
  for (let turn = 0; turn < 5; turn++) t.equal((await ask('127.0.0.1')).statusCode, 404)
})

t.test('X-Forwarded-For is believed of trusted proxies alone', async t => {
  const ask = async (trustedProxies: string[], remoteAddress: string, forwarded: string) => {
    const { app } = await startGateway(t, undefined, { trustedProxies })
    return (await app.inject({ url: `${PATH}/exec-x`, remoteAddress, headers: { 'x-forwarded-for': forwarded } })).statusCode
  }
  t.equal(await ask([], '127.0.0.1', '192.0.2.1'), 404, 'this machine itself')
  t.equal(await ask(['127.0.0.1'], '127.0.0.1', '192.0.2.1'), 401, 'another machine, by a proxy on this one')
  t.equal(await ask(['127.0.0.1', '10.0.0.0/8'], '127.0.0.1', '192.0.2.1, 10.1.2.3'), 401)
  t.equal(await ask([], '192.0.2.1', '127.0.0.1'), 401, 'another machine that only says it is this one')
  t.equal(await ask(['10.0.0.0/8'], '192.0.2.1', '127.0.0.1'), 401)
})
