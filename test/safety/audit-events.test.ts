import { join } from 'node:path'
import t from 'tap'
import { verify } from '../../src/engines/embedded/audit/verify.js'
import { LevelStore } from '../../src/engines/embedded/level/level-store.js'
import { recordsOf } from '../audit/support.js'
import { bearer, OPERATOR, VIEWER, withTokens } from '../support/callers.js'
import { newDataDir } from '../support/data-dir.js'
import { contextBody, createContext, PATH, post, startGateway } from '../support/gateway.js'

const runner = { name: 'runner', kind: 'token' }
const auditor = { name: 'auditor', kind: 'token' }
const anonymous = { name: 'anonymous', kind: 'anonymous' }
const system = { name: 'system', kind: 'system' }

const secrets = { A: { value: 'canary-a', is_secret: true }, B: { value: 'canary-b', is_secret: true }, PLAIN: { value: 'canary-c' } }
const named = (name: string, data: object = secrets) => ({ metadata: { name }, spec: { execution_id: `wfx-${name}`, data } })

/** Those events of the log in `directory` that are not of the process itself, without their place in it. */
const eventsIn = async (directory: string) => (await recordsOf(directory)).map(({ sequence, previous, time, commit, ...event }) => event)

t.test('every operation is recorded: who did what, on which context, what of it was shown, and how it ended', async t => {
  const { app, close, dataDir } = await startGateway(t, undefined, withTokens(t))
  const expected: object[] = [{ event: 'started', caller: system, outcome: 'ok' }]
  let requests = 0

  /** Sends a request, of which the log must then hold `event`, where there is one. */
  async function send (status: number, method: 'GET' | 'HEAD' | 'POST' | 'DELETE', url: string, token: string, { event, body, ...more }: { event?: object, body?: object, headers?: object } = {}) {
    const id = `request-${++requests}`
    const response = await app.inject({ method, url, payload: body, headers: { ...(token && bearer(token)), 'x-request-id': id, ...more.headers } })
    t.equal(response.statusCode, status, `${method} ${url}`)
    if (event !== undefined) expected.push({ caller: runner, request_id: id, remote_address: '127.0.0.1', outcome: 'ok', ...event })
    return response
  }
  async function make (name: string, operation: 'create' | 'apply', query: string, more: object, data?: object) {
    const url = `${operation === 'apply' ? `${PATH}/apply` : PATH}${query}`
    const { metadata: { id, slug }, status } = (await send(201, 'POST', url, OPERATOR, { body: named(name, data) })).json()
    const context = { context_id: id, slug, execution_id: `wfx-${name}` }
    expected.push({ event: 'created', caller: runner, operation, ...context, request_id: `request-${requests}`, remote_address: '127.0.0.1', outcome: 'ok', ...more })
    return { id, context, token: status.run_token as string }
  }
  const keys = ['A', 'B']

  const { id, context } = await make('full', 'create', '', { keys })
  await make('redacted', 'create', '?view=redacted', {})
  await make('plain', 'create', '', {}, { PLAIN: { value: 'canary-c' } })
  await make('applied', 'apply', '', { keys })
  const own = await make('own', 'apply', '?run_token=true', { keys })
  await send(409, 'POST', PATH, OPERATOR, { body: named('full') })
  await send(409, 'POST', `${PATH}/apply`, OPERATOR, { body: named('full') })
  await send(400, 'POST', PATH, OPERATOR, { body: {} })
  await send(403, 'POST', PATH, VIEWER, { body: named('x'), event: { event: 'denied', caller: auditor, operation: 'create', outcome: 'permission_denied' } })
  await send(401, 'POST', `${PATH}/apply`, '', { body: named('x'), event: { event: 'authentication_failed', caller: anonymous, outcome: 'unauthenticated' } })

  const revealed = { event: 'revealed', operation: 'get', ...context, keys }
  const { headers: { etag } } = await send(200, 'GET', `${PATH}/${id}`, OPERATOR, { event: revealed })
  // Nothing is shown by these.
  const read = { ...revealed, event: 'read', keys: undefined }
  for (const [query, operation] of [[`/${id}`, 'get'], ['/by-reference?slug=full', 'getByReference']] as const) {
    for (const method of ['GET', 'HEAD'] as const) {
      for (const held of [etag, '*']) await send(304, method, PATH + query, OPERATOR, { headers: { 'if-none-match': held }, event: { ...read, operation } })
    }
    await send(200, 'HEAD', PATH + query, OPERATOR, { event: { ...read, operation } })
    await send(200, 'HEAD', PATH + query, OPERATOR, { headers: { 'if-none-match': '"another"' }, event: { ...read, operation } })
  }
  await send(400, 'GET', `${PATH}/${id}`, OPERATOR, { headers: { 'if-none-match': 'no-etag' } })
  await send(200, 'GET', `${PATH}/${id}?view=redacted`, OPERATOR, { event: { event: 'read', operation: 'get', ...context } })
  await send(200, 'GET', `${PATH}/${id}`, VIEWER, { event: { event: 'read', caller: auditor, operation: 'get', ...context } })
  await send(200, 'GET', `${PATH}/by-reference?slug=full`, OPERATOR, { event: { ...revealed, operation: 'getByReference' } })
  await send(200, 'GET', `${PATH}/by-reference?slug=full`, VIEWER, { event: { event: 'read', caller: auditor, operation: 'getByReference', ...context } })
  await send(404, 'GET', `${PATH}/absent`, OPERATOR)

  const run = { caller: { name: `run:${own.id}`, kind: 'run' } }
  await send(200, 'GET', `${PATH}/${own.id}`, own.token, { event: { ...revealed, ...own.context, ...run } })
  const denied = { event: 'denied', outcome: 'permission_denied' }
  await send(403, 'GET', `${PATH}/${id}`, own.token, { event: { ...denied, ...run, operation: 'get', context_id: id } })
  await send(403, 'GET', `${PATH}/${id}?view=full`, VIEWER, { event: { ...denied, caller: auditor, operation: 'get', context_id: id } })
  await send(403, 'GET', `${PATH}/canary-that-is-no-id?view=full`, VIEWER, { event: { ...denied, caller: auditor, operation: 'get' } })
  await send(403, 'GET', `${PATH}/by-reference?slug=full&view=full`, VIEWER, { event: { ...denied, caller: auditor, operation: 'getByReference' } })
  await send(401, 'GET', `${PATH}/${id}`, '', { event: { event: 'authentication_failed', caller: anonymous, outcome: 'unauthenticated' } })
  await send(403, 'DELETE', `${PATH}/${id}`, VIEWER, { event: { ...denied, caller: auditor, operation: 'delete', context_id: id } })
  await send(403, 'GET', '/v1/audit-events', VIEWER, { event: { ...denied, caller: auditor, operation: 'listAuditEvents' } })
  await send(403, 'GET', `${PATH}/${own.id}/audit`, own.token, { event: { ...denied, ...run, operation: 'listAuditEvents' } })
  await send(401, 'GET', `${PATH}/${id}`, 'canary-token', { event: { event: 'authentication_failed', caller: anonymous, outcome: 'unauthenticated' } })

  await send(412, 'DELETE', `${PATH}/${id}`, OPERATOR, { headers: { 'if-match': '"another"' } })
  await send(200, 'DELETE', `${PATH}/${id}`, OPERATOR, { event: { event: 'deleted', operation: 'delete', ...context, keys } })
  await send(404, 'DELETE', `${PATH}/${id}`, OPERATOR)
  await send(200, 'DELETE', `${PATH}/${own.id}?view=redacted`, own.token, { event: { event: 'deleted', ...run, operation: 'delete', ...own.context } })
  await send(401, 'GET', `${PATH}/${own.id}`, own.token, { event: { event: 'authentication_failed', caller: anonymous, outcome: 'unauthenticated' } })
  const told = (await app.inject({ url: `${PATH}/${id}/audit`, headers: bearer(OPERATOR) })).json().events.map(({ event }: { event: string }) => event)
  t.same(told, expected.filter(event => 'context_id' in event && event.context_id === id).map(event => 'event' in event && event.event), 'the context tells all of its own')
  await close()
  expected.push({ event: 'stopped', caller: system, outcome: 'ok' })

  const events = await eventsIn(join(dataDir, 'audit'))
  t.same(events, JSON.parse(JSON.stringify(expected)))
  t.notMatch(JSON.stringify(events), /canary/)
})

t.test('of many creates of one slug the log tells what the answers did: one, and nothing of the others', async t => {
  const { app, close, dataDir } = await startGateway(t, await LevelStore.open(newDataDir(t)))
  const answers = await Promise.all(Array.from({ length: 50 }, () => post(app, contextBody())))
  const [made, ...others] = answers.filter(({ statusCode }) => statusCode === 201)
  t.equal(others.length, 0)
  await close()
  const created = (await eventsIn(join(dataDir, 'audit'))).filter(({ event }) => event === 'created')
  t.match(created, [{ context_id: made!.json().metadata.id, outcome: 'ok' }])
  t.equal(created.length, 1)
})

t.test('the audit routes tell of a context and of an execution page by page, also when it is gone, and after a restart', async t => {
  const env = { ECTX_DATA_DIR: newDataDir(t) }
  const start = async () => await startGateway(t, await LevelStore.open(join(env.ECTX_DATA_DIR, 'db')), env)
  let { app, close } = await start()
  const [mine, other] = [await createContext(app, 'mine'), await createContext(app, 'other')]
  for (const { id } of [mine, other, mine, mine]) t.equal((await app.inject(`${PATH}/${id}`)).statusCode, 200)
  t.equal((await app.inject({ method: 'DELETE', url: `${PATH}/${mine.id}` })).statusCode, 200)

  /** What is told at `url`, in pages of `size`: each full, but the last. */
  async function told (url: string, size: number): Promise<string[]> {
    const found: string[] = []
    for (let token = ''; ;) {
      const response = await app.inject({ url, query: { page_size: String(size), ...(token && { page_token: token }) } })
      t.equal(response.statusCode, 200)
      t.equal(response.headers['cache-control'], 'no-store')
      const page = response.json()
      found.push(...page.events.map(({ event, slug }: Record<string, string>) => `${event} ${slug}`))
      token = page.next_page_token
      if (token === undefined) return found
      t.equal(page.events.length, size)
    }
  }
  const all = ['created mine', 'created other', 'revealed mine', 'revealed other', 'revealed mine', 'revealed mine', 'deleted mine']
  const ofMine = all.filter(text => text.endsWith('mine'))
  const assertTold = async (more: string[] = []) => {
    for (const size of [1, 2, 5, 1000]) {
      t.same(await told(`${PATH}/${mine.id}/audit`, size), ofMine)
      t.same(await told(`/v1/audit-events?context_id=${mine.id}`, size), ofMine)
      t.same(await told('/v1/audit-events?execution_id=wfx-1', size), [...all, ...more])
      t.same(await told(`/v1/audit-events?execution_id=wfx-1&context_id=${mine.id}`, size), ofMine)
      t.same(await told('/v1/audit-events?execution_id=wfx', size), [])
      t.same(await told(`${PATH}/exec-absent/audit`, size), [])
    }
  }
  await assertTold()
  await close()
  ;({ app, close } = await start())
  await assertTold()
  t.equal((await app.inject(`${PATH}/${other.id}`)).statusCode, 200)
  await assertTold(['revealed other'])
  const whole = await told('/v1/audit-events', 3)
  t.same(whole.filter(text => !/mine|other/.test(text)), ['started undefined', 'stopped undefined', 'started undefined'])
  t.equal((await app.inject('/v1/audit-events?page_token=forged')).statusCode, 400)
})

t.test('of 10,000 reveals at once each is recorded, once', async t => {
  const { app, close, dataDir } = await startGateway(t)
  const contexts = await Promise.all(Array.from({ length: 20 }, (_, index) => createContext(app, `run-${index}`)))
  const expected = new Map(Array.from({ length: 10_000 }, (_, index) => [`reveal-${index}`, contexts[index % 20]!.id]))
  let revealed = 0
  await Promise.all(Array.from(expected, async ([request, id]) => {
    const response = await app.inject({ url: `${PATH}/${id}`, headers: { 'x-request-id': request } })
    const { metadata, spec } = response.json()
    if (metadata.id === id && spec.data.TOKEN.value === 's3cr3t' && response.headers['x-request-id'] === request) revealed++
  }))
  t.equal(revealed, 10_000)
  await close()

  const records = (await recordsOf(join(dataDir, 'audit'))).filter(({ event }) => event === 'revealed')
  t.equal(records.length, 10_000)
  t.equal(new Set(records.map(record => record.request_id)).size, 10_000)
  t.equal(records.filter(record => expected.get(record.request_id) !== record.context_id || record.keys.join() !== 'TOKEN').length, 0)
  t.same((await verify(join(dataDir, 'audit'))).problems, [])
})
