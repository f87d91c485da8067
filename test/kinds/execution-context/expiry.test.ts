import t from 'tap'
import { bearer, OPERATOR } from '../../support/callers.js'
import { PATH } from '../../support/gateway.js'
import { assertProblem } from '../../support/problem.js'
import { KIND } from '../../support/records.js'
import { timedEngines, timedGateway } from '../../support/timed-gateway.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR

const lifetimeOf = (context: { status: { audit: { spec_audit: { created_at: string } }, expire_time: string } }) =>
  Date.parse(context.status.expire_time) - Date.parse(context.status.audit.spec_audit.created_at)

t.test('lives as long as its ttl says, or as is configured', async t => {
  const { make } = await timedGateway(t)
  for (const [ttl, expected] of [[undefined, DAY], ['3600s', HOUR], ['1.5s', 1_500], ['1s', 1_000], ['604800s', 7 * DAY]] as const) {
    for (const path of [PATH, `${PATH}/apply`]) {
      const response = await make(`run ${ttl} ${path.length}`, { ttl }, '', path)
      t.equal(response.statusCode, 201)
      t.equal(lifetimeOf(response.json()), expected, `${ttl}`)
      t.equal(response.json().spec.ttl, ttl?.replace('1.5s', '1.500s'), 'written as protobuf writes it')
    }
  }
  const configured = await timedGateway(t, { env: { ECTX_DEFAULT_TTL: '90s', ECTX_MAX_TTL: '15m' } })
  t.equal(lifetimeOf((await configured.make('default')).json()), 90_000)
  t.equal(lifetimeOf((await configured.make('most', { ttl: '900s' })).json()), 900_000)
  assertProblem(t, await configured.make('more', { ttl: '900.001s' }), { status: 400, code: 'invalid_argument', pointers: ['/spec/ttl'] })
})

t.test('a ttl that is none, or out of bounds, is refused with what it should be, and nothing is made', async t => {
  const { make, get } = await timedGateway(t)
  for (const ttl of [3600, '1h', '', '3600', 's', '-1s', '+1s', '1e3s', '01s', '1.s', '.5s', '1.0000000001s', ' 1s', null, {}, true, '99999999999999s']) {
    for (const path of [PATH, `${PATH}/apply`]) {
      const problem = assertProblem(t, await make('none', { ttl }, '', path), { status: 400, code: 'invalid_argument', pointers: ['/spec/ttl'] }, JSON.stringify(ttl))
      t.match(problem.errors, [{ detail: 'must be seconds in quotation marks, such as "3600s" or "1.5s"' }])
    }
  }
  for (const ttl of ['0s', '0.999s', '0.9999999s', '604801s', '604800.001s', '604800.000000001s', '99999999999s']) {
    const problem = assertProblem(t, await make('none', { ttl }), { status: 400, code: 'invalid_argument', pointers: ['/spec/ttl'] }, ttl)
    t.match(problem.errors, [{ detail: 'must be at least "1s" and at most "604800s"' }])
  }
  assertProblem(t, await make('none', { expire_time: 'x' }), { status: 400, code: 'invalid_argument', pointers: ['/spec/expire_time'] })
  t.equal((await get('/by-reference?slug=none')).statusCode, 404)
})

for (const [engine, open] of Object.entries(timedEngines)) {
  t.test(`${engine}: is gone for everybody from that millisecond on, whatever the sweeper does`, async t => {
    const { app, clock, make, get, sweep } = await timedGateway(t, { open })
    const made = await make('My Run', { ttl: '60s' }, '?run_token=true')
    const { metadata: { id }, status: { run_token: token, expire_time: end } } = made.json()
    const seen = async () => [
      (await get(`/${id}`)).statusCode,
      (await get(`/${id}?view=redacted`)).statusCode,
      (await get('/by-reference?slug=my-run')).statusCode,
      (await get(`/${id}`, OPERATOR, { 'if-none-match': String(made.headers.etag) })).statusCode,
      (await app.inject({ method: 'HEAD', url: `${PATH}/${id}`, headers: bearer(OPERATOR) })).statusCode,
      (await get(`/${id}`, token)).statusCode
    ]
    clock.time = Date.parse(end) - 1
    t.same(await seen(), [200, 200, 200, 304, 200, 200])
    t.equal((await make('My Run')).statusCode, 409)
    clock.time = Date.parse(end)
    t.same(await seen(), [404, 404, 404, 404, 404, 401])
    const removing = (headers: object) => app.inject({ method: 'DELETE', url: `${PATH}/${id}`, headers: { ...bearer(OPERATOR), ...headers } })
    for (const headers of [{}, { 'if-match': made.headers.etag }]) t.equal((await removing(headers)).statusCode, 404)
    clock.time -= 1
    t.same(await seen(), [200, 200, 200, 304, 200, 200], 'a clock that goes back shows it again: nothing has happened to it')

    clock.time += 1
    const next = await make('My Run', {}, '', `${PATH}/apply`)
    t.equal(next.statusCode, 201, 'its slug is free')
    t.equal((await make('My Run')).statusCode, 409)
    await sweep()
    t.equal((await get('/by-reference?slug=my-run')).json().metadata.id, next.json().metadata.id)
    const events = (await app.inject({ url: `${PATH}/${id}/audit`, headers: bearer(OPERATOR) })).json().events
    t.match(events.at(-1), { event: 'expired', caller: { name: 'system', kind: 'system' }, context_id: id, slug: 'my-run', execution_id: 'wfx-1', outcome: 'ok' })
    t.equal(events.filter(({ event }: { event: string }) => event === 'expired').length, 1)
    clock.time -= 1
    t.equal((await get(`/${id}`)).statusCode, 404, 'what was swept does not come back')
  })

  t.test(`${engine}: an expire time that somebody put off is found out`, async t => {
    const { clock, make, get, store } = await timedGateway(t, { open })
    const { metadata: { id } } = (await make('My Run', { ttl: '60s' })).json()
    const { expireTime, ...record } = (await store.find(KIND, id))!
    for (const changed of [expireTime! + 1, undefined]) {
      await store.remove(KIND, id)
      await store.insert({ ...record, expireTime: changed })
      assertProblem(t, await get(`/${id}`), { status: 500, code: 'internal' })
    }
    clock.time += 1
  })
}
