import t from 'tap'
import { VIEWER } from '../../support/callers.js'
import { PATH } from '../../support/gateway.js'
import { assertProblem } from '../../support/problem.js'
import { timedEngines, timedGateway } from '../../support/timed-gateway.js'

const at = (milliseconds: number) => new Date(milliseconds).toISOString()

for (const [engine, open] of Object.entries(timedEngines)) {
  t.test(`${engine}: lives until its last heartbeat plus its lease, and never beyond its expire time`, async t => {
    const { clock, make, get, ask, events, sweep } = await timedGateway(t, { open })
    const began = clock.time
    const made = await make('My Run', { ttl: '100s', lease: '30s' }, '?run_token=true')
    const { metadata: { id }, spec, status: { run_token: token, expire_time: end } } = made.json()
    t.equal(spec.lease, '30s')
    t.equal(end, at(began + 100_000))
    const beat = (token?: string) => ask('POST', `${PATH}/${id}/heartbeat`, { token })

    const before = (await get(`/${id}`)).body
    const beats = [[29_999, 59_999, token], [59_998, 89_998, undefined], [60_000, 90_000, token], [89_999, 100_000, token]] as const
    for (const [time, leaseEnd, by] of beats) {
      clock.time = began + time
      const response = await beat(by)
      t.equal(response.statusCode, 200)
      t.same(response.json(), { lease_expire_time: at(began + leaseEnd), expire_time: end })
      t.equal(response.headers['cache-control'], 'no-store')
    }
    const read = await get(`/${id}`)
    t.equal(read.headers.etag, made.headers.etag, 'no heartbeat changes its ETag')
    t.equal(read.body, before, 'nor the context')
    clock.time = began + 99_999
    t.equal((await get(`/${id}`, token)).statusCode, 200)
    clock.time = began + 100_000
    t.same([(await get(`/${id}`)).statusCode, (await beat()).statusCode, (await get(`/${id}`, token)).statusCode], [404, 404, 401])
    await sweep()
    t.same((await events(id)).filter(({ event }) => /heartbeat|expired/.test(event)).map(({ event, caller }) => `${event} ${caller.name}`), [
      `heartbeat run:${id}`, 'heartbeat runner', `heartbeat run:${id}`, `heartbeat run:${id}`, 'expired system'
    ])
  })

  t.test(`${engine}: of a run that says nothing more the secrets are gone with its lease, and no heartbeat brings it back`, async t => {
    const { clock, make, get, ask, sweep } = await timedGateway(t, { open })
    const began = clock.time
    const { metadata: { id }, status: { run_token: token } } = (await make('My Run', { lease: '1.5s' }, '?run_token=true')).json()
    clock.time = began + 1_499
    t.equal((await get(`/${id}`)).statusCode, 200)
    clock.time = began + 1_500
    t.equal((await get(`/${id}`)).statusCode, 404)
    t.equal((await get(`/${id}`, token)).statusCode, 401)
    assertProblem(t, await ask('POST', `${PATH}/${id}/heartbeat`), { status: 404, code: 'not_found' })
    t.equal((await get(`/${id}`)).statusCode, 404, 'the missed beat revived nothing')
    t.equal((await make('My Run')).statusCode, 201, 'its slug is free')
    await sweep()
    t.equal((await get('/by-reference?slug=my-run')).statusCode, 200)
  })

  t.test(`${engine}: what had its heartbeat in time is not swept, however many sweep meanwhile`, async t => {
    const { clock, make, get, ask, sweep } = await timedGateway(t, { open })
    const ids: string[] = await Promise.all(Array.from({ length: 20 }, async (_, index) => (await make(`run ${index}`, { lease: '10s' })).json().metadata.id))
    for (let round = 0; round < 5; round++) {
      clock.time += 9_999
      const beats = ids.map(id => ask('POST', `${PATH}/${id}/heartbeat`))
      await Promise.all([...beats, ...Array.from({ length: 5 }, () => sweep())])
      for (const beat of beats) t.equal((await beat).statusCode, 200)
    }
    for (const id of ids) t.equal((await get(`/${id}`)).statusCode, 200)
    clock.time += 10_000
    await sweep()
    for (const id of ids) t.equal((await get(`/${id}`)).statusCode, 404)
  })
}

t.test('a clock that goes back takes nothing of what a heartbeat was promised', async t => {
  const { clock, make, get, ask } = await timedGateway(t)
  const { metadata: { id } } = (await make('My Run', { lease: '20s' })).json()
  const beat = async () => (await ask('POST', `${PATH}/${id}/heartbeat`)).json().lease_expire_time
  const promised = await beat()
  clock.time -= 30_000
  t.equal(await beat(), promised)
  clock.time += 49_999
  t.equal((await get(`/${id}`)).statusCode, 200)
})

t.test('without a lease a heartbeat is refused, saying that it has none, and nothing changes', async t => {
  const { clock, make, get, ask } = await timedGateway(t)
  const { metadata: { id } } = (await make('My Run', { ttl: '60s' })).json()
  const { detail } = assertProblem(t, await ask('POST', `${PATH}/${id}/heartbeat`), { status: 400, code: 'invalid_argument' })
  t.match(detail, /has no lease/)
  clock.time += 60_000
  t.equal((await get(`/${id}`)).statusCode, 404)
})

t.test('a viewer, another run and what there is not get no heartbeat', async t => {
  const { make, ask } = await timedGateway(t)
  const { metadata: { id } } = (await make('My Run', { lease: '60s' })).json()
  const { status: { run_token: other } } = (await make('Other', {}, '?run_token=true')).json()
  for (const token of [VIEWER, other]) {
    assertProblem(t, await ask('POST', `${PATH}/${id}/heartbeat`, { token }), { status: 403, code: 'permission_denied' })
  }
  assertProblem(t, await ask('POST', `${PATH}/exec-x/heartbeat`), { status: 404, code: 'not_found' })
})

t.test('what is said with a heartbeat, which can say nothing, is refused', async t => {
  const { make, ask } = await timedGateway(t)
  const url = `${PATH}/${(await make('My Run', { lease: '60s' })).json().metadata.id}/heartbeat`
  assertProblem(t, await ask('POST', url, { body: { lease: '600s' } }), { status: 400, code: 'invalid_argument', pointers: [''] })
  assertProblem(t, await ask('POST', `${url}?lease=600s`), { status: 400, code: 'invalid_argument', pointers: ['/lease'] })
  t.equal((await ask('POST', url, { body: {} })).statusCode, 200, 'as some clients send it')
})

t.test('a lease that is none, out of bounds or longer than the time to live is refused with what it should be', async t => {
  const { make, get } = await timedGateway(t, { env: { ECTX_DEFAULT_TTL: '1h', ECTX_MAX_TTL: '1d' } })
  const cases: Array<[spec: object, detail: string | RegExp]> = [
    ...[30, '1h', '30', '', '-1s', null].map(lease => [{ lease }, /such as "3600s"/] as [object, RegExp]),
    ...['0s', '0.999s', '86400.001s'].map(lease => [{ lease, ttl: '86400s' }, 'must be at least "1s" and at most "86400s"'] as [object, string]),
    [{ lease: '61s', ttl: '60s' }, 'must not be longer than the ttl, which is "60s"'],
    [{ lease: '3600.001s' }, 'must not be longer than the ttl, which is "3600s" where it is left out']
  ]
  for (const [spec, detail] of cases) {
    const problem = assertProblem(t, await make('none', spec), { status: 400, code: 'invalid_argument', pointers: ['/spec/lease'] }, JSON.stringify(spec))
    t.match(problem.errors, [{ detail }])
  }
  t.equal((await get('/by-reference?slug=none')).statusCode, 404)
  t.equal((await make('same', { lease: '60s', ttl: '60s' })).statusCode, 201)
})
