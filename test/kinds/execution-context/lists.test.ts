import t from 'tap'
import { bearer, OPERATOR, VIEWER } from '../../support/callers.js'
import { contextBody, PATH, post } from '../../support/gateway.js'
import { assertProblem } from '../../support/problem.js'
import { KIND } from '../../support/records.js'
import { timedEngines, timedGateway } from '../../support/timed-gateway.js'

type Gateway = Awaited<ReturnType<typeof timedGateway>>
const ofExecution = (id: string) => `/v1/executions/${encodeURIComponent(id)}/execution-contexts`

/** Makes a context one millisecond after the one before: so what is newer has a greater id. */
async function make ({ app, clock }: Gateway, name: string, { executionId = 'wfx-1', labels = {}, spec = {} } = {}): Promise<string> {
  clock.time++
  const body = contextBody({ metadata: { name, labels }, spec: { ...contextBody().spec, execution_id: executionId, ...spec } })
  return (await post(app, body, PATH, bearer(OPERATOR))).json().metadata.id
}

/** The ids on each page of a list, from the first to the last. */
async function pages ({ ask }: Gateway, url: string, token?: string): Promise<string[][]> {
  const met: string[][] = []
  for (let pageToken = ''; ;) {
    const response = await ask('GET', `${url}${url.includes('?') ? '&' : '?'}${pageToken}`, { token })
    if (response.statusCode !== 200) throw new Error(response.body)
    const { execution_contexts: contexts, next_page_token: next } = response.json()
    met.push(contexts.map((context: { metadata: { id: string } }) => context.metadata.id))
    if (next === undefined) return met
    pageToken = `page_token=${next}`
  }
}
const ids = async (gateway: Gateway, query: string, token?: string) => (await pages(gateway, PATH + query, token)).flat()

for (const [engine, open] of Object.entries(timedEngines)) {
  t.test(`${engine}: lists show what there is, newest first and without secrets, page by page`, async t => {
    const gateway = await timedGateway(t, { open })
    t.same((await gateway.get('')).json(), { execution_contexts: [] })
    const made: string[] = []
    for (let index = 0; index < 7; index++) made.unshift(await make(gateway, `run ${index}`))
    t.same(await pages(gateway, PATH), [made])
    t.same(await pages(gateway, `${PATH}?page_size=3`), [made.slice(0, 3), made.slice(3, 6), made.slice(6)])
    for (const size of [7, 1000, 1001, 2_147_483_647, 0]) t.same(await pages(gateway, `${PATH}?page_size=${size}`), [made], String(size))
    const shown = (await gateway.get('?page_size=1')).json().execution_contexts[0]
    t.same(shown, (await gateway.get(`/${made[0]}?view=redacted`)).json())
    t.same(shown.spec.data.TOKEN, { is_secret: true })
    t.equal((await gateway.get('')).headers['cache-control'], 'no-store')
  })

  t.test(`${engine}: fifty where nothing else is said, and the rest behind them`, async t => {
    const gateway = await timedGateway(t, { open })
    for (let index = 0; index < 51; index++) await make(gateway, `run ${index}`)
    t.same((await pages(gateway, PATH)).map(({ length }) => length), [50, 1])
  })

  t.test(`${engine}: every filter that is given must hold`, async t => {
    const gateway = await timedGateway(t, { open })
    const a = await make(gateway, 'a', { labels: { team: 'data', env: 'prod', 'x/y': 'ä=&' }, spec: { ttl: '60s' } })
    const b = await make(gateway, 'b', { executionId: 'wfx/2', labels: { team: 'data', env: '' } })
    const c = await make(gateway, 'c', { labels: { team: 'web' }, spec: { ttl: '120s', lease: '30s' } })
    const soon = new Date(gateway.clock.time + 45_000).toISOString()
    const later = new Date(gateway.clock.time + 60_000).toISOString()
    const cases: Array<[query: string, expected: string[]]> = [
      ['', [c, b, a]],
      ['?execution_id=wfx-1', [c, a]],
      ['?execution_id=wfx/2', [b]],
      ['?execution_id=wfx', []],
      ['?label.team=data', [b, a]],
      ['?label[team]=data', [b, a]],
      ['?label%5Bteam%5D=data&label.env=prod', [a]],
      ['?label.env=', [b]],
      ['?label.x/y=%C3%A4%3D%26', [a]],
      ['?label.team=data&label.team=web', []],
      ['?label.team=data&label.team=data', [b, a]],
      ['?label.team=web&execution_id=wfx-1', [c]],
      ['?label.none=', []],
      ['?created_by=runner', [c, b, a]],
      ['?created_by=system', []],
      [`?expires_before=${soon}`, [c]],
      [`?expires_before=${later}`, [c, a]],
      [`?expires_before=${later.replace('Z', '%2B00:00')}&label.team=data`, [a]],
      ['?expires_before=0001-01-01T00:00:00Z', []],
      ['?expires_before=9999-12-31T23:59:59Z&page_size=1', [c, b, a]]
    ]
    for (const [query, expected] of cases) t.same(await ids(gateway, query), expected, query)
    t.same(await pages(gateway, `${ofExecution('wfx-1')}?page_size=1`), [[c], [a]])
    t.same((await pages(gateway, `${ofExecution('wfx/2')}?label.team=data`)).flat(), [b])
    t.same((await pages(gateway, ofExecution('none'))).flat(), [])

    gateway.clock.time += 30_000
    t.same(await ids(gateway, ''), [b, a], 'whose lease is over is gone')
    gateway.clock.time += 30_000
    await gateway.sweep()
    t.same(await ids(gateway, '?label.team=data'), [b])
  })

  t.test(`${engine}: a page token survives what comes and goes, and is good for its own list alone`, async t => {
    const gateway = await timedGateway(t, { open })
    const made: string[] = []
    for (let index = 0; index < 6; index++) made.unshift(await make(gateway, `run ${index}`, { labels: { team: 'data' } }))
    const url = '?label.team=data&created_by=runner&page_size=2'
    const { next_page_token: token } = (await gateway.get(url)).json()
    await gateway.ask('DELETE', `${PATH}/${made[1]}`)
    await gateway.ask('DELETE', `${PATH}/${made[3]}`)
    await make(gateway, 'new', { labels: { team: 'data' } })
    const rest = await gateway.get(`?created_by=runner&label[team]=data&page_token=${token}`)
    t.match(rest.json(), { execution_contexts: [made[2], made[4], made[5]].map(id => ({ metadata: { id } })), next_page_token: undefined }, 'of any size')

    const others = ['', '?label.team=data', '?label.team=data&created_by=system', '?label.team=web&created_by=runner', `${url}&execution_id=wfx-1`, `${url}&expires_before=2040-01-01T00:00:00Z`]
    for (const other of others) {
      assertProblem(t, await gateway.get(`${other}${other === '' ? '?' : '&'}page_token=${token}`), { status: 400, code: 'invalid_argument', pointers: ['/page_token'] }, other)
    }
    const { next_page_token: ofAudit } = (await gateway.ask('GET', '/v1/audit-events?page_size=1')).json()
    for (const wrong of [token.slice(0, -1), token.slice(1), `${token}A`, token.replace(/.$/, (last: string) => last === 'A' ? 'B' : 'A'), token.toLowerCase(), 'x', made[0], ofAudit]) {
      assertProblem(t, await gateway.get(`${url}&page_token=${wrong}`), { status: 400, code: 'invalid_argument', pointers: ['/page_token'] }, wrong)
    }
  })

  t.test(`${engine}: what cannot be read hides no other, and is named`, async t => {
    const gateway = await timedGateway(t, { open })
    const [kept, spoilt] = [await make(gateway, 'kept'), await make(gateway, 'spoilt')]
    const record = (await gateway.store.find(KIND, spoilt))!
    await gateway.store.replace({ ...record, body: Buffer.from(Buffer.from(record.body).toString('latin1').replace('eu-central', 'us-central'), 'latin1') }, 1)
    t.match((await gateway.get('')).json(), { execution_contexts: [{ metadata: { id: kept } }], damaged: [spoilt] })
  })

  t.test(`${engine}: all that an execution has is deleted, each with its event, and again is no mistake`, async t => {
    const gateway = await timedGateway(t, { open })
    const { ask, events } = gateway
    const mine: string[] = []
    for (let index = 0; index < 9; index++) mine.unshift(await make(gateway, `mine ${index}`, { executionId: 'wfx/1' }))
    const other = await make(gateway, 'other', { executionId: 'wfx' })
    const deleted = await Promise.all([1, 2, 3].map(() => ask('DELETE', ofExecution('wfx/1'))))
    t.same(deleted.map(({ statusCode }) => statusCode), [200, 200, 200])
    t.same(deleted.flatMap(response => response.json().deleted).toSorted(), mine.toSorted(), 'each by one of them')
    t.same((await ask('DELETE', ofExecution('wfx/1'))).json(), { deleted: [] })
    t.same(await ids(gateway, ''), [other])
    const told = (await events()).filter(({ event }) => event === 'deleted')
    t.same(told.map(({ context_id: id }) => id).toSorted(), mine.toSorted())
    for (const event of told) t.match(event, { operation: 'deleteByExecution', execution_id: 'wfx/1', caller: { name: 'runner' } })
  })
}

t.test('many are deleted in batches, and what comes meanwhile does not keep it from its end', async t => {
  const gateway = await timedGateway(t)
  const made = await Promise.all(Array.from({ length: 450 }, (_, index) => make(gateway, `run ${index}`)))
  t.intercept(gateway.store, 'removePage', {
    value: async (...args: Parameters<typeof removePage>) => {
      await make(gateway, `meanwhile ${gateway.clock.time}`)
      return removePage.apply(gateway.store, args)
    }
  })
  const { removePage } = Object.getPrototypeOf(gateway.store) as typeof gateway.store
  const { deleted } = (await gateway.ask('DELETE', ofExecution('wfx-1'))).json()
  t.same(made.filter(id => !deleted.includes(id)), [])
})

t.test('a batch has those that there are in the order that was asked for, and the ids of those that there are not', async t => {
  const gateway = await timedGateway(t)
  const { ask, events } = gateway
  const [a, b] = [await make(gateway, 'a'), await make(gateway, 'b', { spec: { data: { REGION: { value: 'eu' } } } })]
  const batch = async (wanted: unknown, query = '', token?: string) => ask('POST', `${PATH}/batch-get${query}`, { body: { ids: wanted }, token })
  const absent = a.replace(/.$/, last => last === '0' ? '1' : '0')
  const response = await batch([b, absent, a, 'x', b])
  t.match(response.json(), { execution_contexts: [{ metadata: { id: b } }, { metadata: { id: a }, spec: { data: { TOKEN: { value: 's3cr3t' } } } }], not_found: [absent, 'x'] })
  t.equal(response.json().execution_contexts.length, 2)
  t.match((await events(a)).at(-1), { event: 'revealed', operation: 'getBatch', keys: ['TOKEN'] })
  t.match((await events(b)).at(-1), { event: 'read', operation: 'getBatch' })
  t.same((await batch([a], '?view=redacted')).json().execution_contexts[0].spec.data.TOKEN, { is_secret: true })
  t.equal((await batch(Array.from({ length: 100 }, (_, index) => `x${index}`))).json().not_found.length, 100)
  for (const wrong of [[], Array.from({ length: 101 }, () => a), 'a', undefined, null]) {
    assertProblem(t, await batch(wrong), { status: 400, code: 'invalid_argument', pointers: ['/ids'] })
  }
  assertProblem(t, await batch([a, '', 5]), { status: 400, code: 'invalid_argument', pointers: ['/ids/1', '/ids/2'] })
  assertProblem(t, await batch([a], '', VIEWER), { status: 403, code: 'permission_denied' })
})

t.test('who has a run token sees its own context alone in a list, where that is what was asked for', async t => {
  const gateway = await timedGateway(t)
  const { clock, make: makeOwn } = gateway
  await make(gateway, 'other')
  const { metadata: { id }, status: { run_token: token } } = (await makeOwn('own', { ttl: '60s' }, '?run_token=true')).json()
  await make(gateway, 'newer')
  t.same(await ids(gateway, '', token), [id])
  t.same((await pages(gateway, `${ofExecution('wfx-1')}?page_size=1`, token)), [[id]])
  t.same(await ids(gateway, '?execution_id=none', token), [])
  t.same(await ids(gateway, '?label.team=data', token), [])
  t.same(await ids(gateway, '', VIEWER).then(seen => seen.length), 3)
  clock.time += 60_000
  t.equal((await gateway.ask('GET', PATH, { token })).statusCode, 401)
})

t.test('a query that is wrong is refused with what it should be', async t => {
  const { ask } = await timedGateway(t)
  const cases: Array<[query: string, pointer: string]> = [
    ['page_size=-1', '/page_size'], ['page_size=x', '/page_size'], ['page_size=1.5', '/page_size'], ['page_size=2147483648', '/page_size'],
    ['page_size=1&page_size=2', '/page_size'], ['page_token=', '/page_token'], ['page_token=a&page_token=b', '/page_token'],
    ['label=x', '/label'], ['label.=x', '/label.'], ['label[]=x', '/label[]'], ['labels.team=x', '/labels.team'], [`label.x=${'x'.repeat(254)}`, '/label.x'],
    ['label.x=%00', '/label.x'], ['expires_before=tomorrow', '/expires_before'], ['expires_before=2030-01-01', '/expires_before'],
    ['expires_before=2030-13-01T00:00:00Z', '/expires_before'], ['expires_before=2030-02-30T00:00:00Z', '/expires_before'], ['expires_before=2030-01-01T00:00:00+02:00', '/expires_before'],
    ['expires_before=0000-01-01T00:00:00Z', '/expires_before'], ['expires_before=1893456000', '/expires_before'],
    ['created_by=', '/created_by'], ['created_by=%0A', '/created_by'], ['execution_id=', '/execution_id'], ['view=full', '/view'], ['x=1', '/x']
  ]
  for (const [query, pointer] of cases) {
    assertProblem(t, await ask('GET', `${PATH}?${query}`), { status: 400, code: 'invalid_argument', pointers: [pointer] }, query)
  }
  assertProblem(t, await ask('GET', `${ofExecution('x')}?execution_id=x`), { status: 400, code: 'invalid_argument', pointers: ['/execution_id'] })
  assertProblem(t, await ask('GET', ofExecution('x'.repeat(254))), { status: 400, code: 'invalid_argument', pointers: ['/execution_id'] })
  assertProblem(t, await ask('DELETE', `${ofExecution('x')}?label.team=data`), { status: 400, code: 'invalid_argument', pointers: ['/label.team'] })
  assertProblem(t, await ask('DELETE', ofExecution('x'), { headers: { 'if-match': '"x"' } }), { status: 400, code: 'invalid_argument', pointers: ['/If-Match'] })
  assertProblem(t, await ask('DELETE', ofExecution('\u0001')), { status: 400, code: 'invalid_argument', pointers: ['/execution_id'] })
})
