import { hash } from 'node:crypto'
import { request, type IncomingMessage } from 'node:http'
import { mock } from 'node:test'
import { writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { MemoryStore } from '../../../src/engines/memory/memory-store.js'
import { OpenStreams } from '../../../src/server/open-streams.js'
import { bearer, OPERATOR, VIEWER, withTokens } from '../../support/callers.js'
import { TestClock } from '../../support/clock.js'
import { contextBody, PATH, post, startGateway } from '../../support/gateway.js'
import { assertProblem } from '../../support/problem.js'
import { until } from '../../support/until.js'

type Gateway = Awaited<ReturnType<typeof startGateway>>

/** An answer that goes on, and what came of it so far. */
async function open (t: Test, { app }: Gateway, path: string, headers: Record<string, string> = {}) {
  const { port } = app.server.address() as { port: number }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers: { accept: 'text/event-stream', ...headers } }, resolve).on('error', reject)
    asked.end()
    t.teardown(() => asked.destroy())
  })
  let text = ''
  let isOver = false
  response.setEncoding('utf8').on('data', chunk => { text += chunk }).on('close', () => { isOver = true })
  return {
    response,
    text: () => text,
    /** Its events, with their ids. */
    events: () => text.split('\n\n').filter(part => part.includes('\ndata: ')).map(part => {
      const { id, event, data } = Object.fromEntries(part.split('\n').map(line => line.split(/: (.*)/s).slice(0, 2)))
      return { id, event, data: JSON.parse(data) }
    }),
    over: () => until(() => isOver)
  }
}

async function start (t: Test, env: Record<string, string> = {}, clock?: TestClock) {
  const gateway = await startGateway(t, new MemoryStore(clock), env, undefined, clock)
  await gateway.app.listen({ host: '127.0.0.1', port: 0 })
  return gateway
}

const create = async ({ app }: Gateway, name: string, headers = {}) =>
  (await post(app, contextBody({ metadata: { name } }), `${PATH}?run_token=true`, headers)).json()

t.test('the events of a context come as they happen, until it is gone', async t => {
  const gateway = await start(t)
  const { metadata: { id } } = await create(gateway, 'a')
  const { response, events, text, over } = await open(t, gateway, `${PATH}/${id}/events`)
  t.match(response.headers, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-request-id': /./,
    'x-content-type-options': 'nosniff'
  })
  await create(gateway, 'b')
  await gateway.app.inject({ method: 'DELETE', url: `${PATH}/${id}`, headers: { 'x-request-id': 'the-delete' } })
  await over()
  const [deleted, end, ...others] = events()
  t.same(others, [])
  t.match(deleted, {
    event: 'deleted',
    data: {
      specversion: '1.0',
      id: deleted!.id,
      type: 'ai.stigmer.agentic.executioncontext.v1.deleted',
      subject: id,
      datacontenttype: 'application/json',
      data: { kind: 'execution_context', id, slug: 'a', execution_id: 'wfx-1', caller: { name: 'system', kind: 'system' }, version: { id: /^ver-/ } }
    }
  })
  t.match(end, { event: 'end', id: undefined })
  t.notMatch(text(), /s3cr3t/)
  await until(() => gateway.lines.some(({ operation, status }) => operation === 'listExecutionContextEvents' && status === 200))
})

t.test('who comes again misses and repeats nothing, also of what is gone', async t => {
  const gateway = await start(t)
  const first = await open(t, gateway, '/v1/events')
  const { metadata: { id } } = await create(gateway, 'a')
  await create(gateway, 'b')
  await gateway.app.inject({ method: 'DELETE', url: `${PATH}/${id}` })
  await until(() => first.events().length === 3)
  const all = first.events()
  t.same(all.map(({ event }) => event), ['created', 'created', 'deleted'])

  const later = await open(t, gateway, `/v1/events?after=${all[0]!.id}`)
  await until(() => later.events().length === 2)
  t.same(later.events(), all.slice(1))
  const browser = await open(t, gateway, `/v1/events?after=${all[0]!.id}`, { 'last-event-id': all[1]!.id })
  await until(() => browser.events().length === 1)
  t.same(browser.events(), all.slice(2), 'what a browser had last counts more than what its page began with')
  const own = await open(t, gateway, `${PATH}/${id}/events?after=${all[0]!.id}`)
  await own.over()
  t.same(own.events().map(({ event }) => event), ['deleted', 'end'])
  assertProblem(t, await gateway.app.inject(`${PATH}/${id}/events`), { status: 404, code: 'not_found' }, 'there is nothing to come')
})

t.test('events can be asked for by execution, kind and type, as lines and as pages', async t => {
  const gateway = await start(t)
  const { app } = gateway
  const page = async (query: string, headers = { accept: 'application/json' }) => (await app.inject({ url: `/v1/events?${query}`, headers })).json()
  const { next: begin } = await page('')
  const ids = [(await create(gateway, 'a')).metadata.id, (await create(gateway, 'b')).metadata.id]
  await app.inject({ method: 'DELETE', url: `${PATH}/${ids[0]}` })
  const types = (events: Array<{ type: string, subject: string }>) => events.map(({ type, subject }) => `${type.split('.').at(-1)} ${ids.indexOf(subject)}`)
  t.same(types((await page(`after=${begin}`)).events), ['created 0', 'created 1', 'deleted 0'])
  t.same(types((await page(`after=${begin}&type=deleted,expired`)).events), ['deleted 0'])
  t.same(types((await page(`after=${begin}&execution_id=wfx-1&kind=execution_context&type=created`)).events), ['created 0', 'created 1'])
  t.same((await page(`after=${begin}&execution_id=other`)).events, [])
  t.same((await page(`after=${begin}&kind=note`)).events, [])
  const { events, next } = await page(`after=${begin}`)
  t.equal(next, events.at(-1).id)
  t.same(await page(`after=${next}`), { events: [], next })
  t.same(await page(''), { events: [], next }, 'without a position those to come')

  const lines = await open(t, gateway, `/v1/events?after=${begin}`, { accept: 'application/x-ndjson' })
  await until(() => lines.text().split('\n').length === 4)
  t.same(lines.text().trimEnd().split('\n').map(line => JSON.parse(line)), events)
  t.equal(lines.response.headers['content-type'], 'application/x-ndjson; charset=utf-8')
})

t.test('a page can be waited for', async t => {
  const gateway = await start(t)
  const waiting = gateway.app.inject('/v1/events?wait=30s')
  const { metadata: { id } } = await create(gateway, 'a')
  const { events, next } = (await waiting).json()
  t.match(events, [{ subject: id }])
  t.same((await gateway.app.inject(`/v1/events?wait=0s&after=${next}`)).json(), { events: [], next })
  for (const wait of ['31s', '1m', '1.5s', '-1s', 's', '']) {
    assertProblem(t, await gateway.app.inject(`/v1/events?wait=${wait}`), { status: 400, code: 'invalid_argument', pointers: ['/wait'] }, wait)
  }
})

t.test('what cannot be followed is refused, with what to do', async t => {
  const gateway = await start(t)
  const { app } = gateway
  const { metadata: { id } } = await create(gateway, 'a')
  const { next } = (await app.inject({ url: '/v1/events', headers: { accept: 'application/json' } })).json()
  for (const path of ['/v1/events', `${PATH}/${id}/events`]) {
    for (const accept of ['text/event-stream', 'application/x-ndjson', 'application/json']) {
      const refused = await app.inject({ url: `${path}?after=nonsense`, headers: { accept } })
      assertProblem(t, refused, { status: 400, code: 'invalid_argument' }, accept)
      assertProblem(t, await app.inject({ url: path, headers: { accept, 'last-event-id': `${next}9` } }), { status: 400, code: 'invalid_argument' }, accept)
    }
    assertProblem(t, await app.inject({ url: path, headers: { accept: 'text/html' } }), { status: 406, code: 'invalid_argument' })
    assertProblem(t, await app.inject({ url: `${path}?typ=created` }), { status: 400, code: 'invalid_argument', pointers: ['/typ'] })
    assertProblem(t, await app.inject({ url: `${path}?type=made` }), { status: 400, code: 'invalid_argument', pointers: ['/type/0'] })
  }
  const absent = `${PATH}/exec-01m7yq1we0ras12e9q0c426n0n/events`
  assertProblem(t, await app.inject(absent), { status: 404, code: 'not_found' })
})

t.test('a position that is no longer kept is gone, and the answer says from where one can go on', async t => {
  const store = new MemoryStore()
  const gateway = await startGateway(t, store)
  const { app } = gateway
  const begin = await store.feed.last()
  await create(gateway, 'a')
  await create(gateway, 'b')
  await store.feed.trim({ ms: 3_600_000, most: 1 })
  for (const accept of ['text/event-stream', 'application/json']) {
    const { detail } = assertProblem(t, await app.inject({ url: `/v1/events?after=${begin}`, headers: { accept } }), { status: 410, code: 'out_of_range' })
    const [, position] = /after '(.+)',/.exec(detail)!
    const { events } = (await app.inject({ url: `/v1/events?after=${position}`, headers: { accept: 'application/json' } })).json()
    t.match(events, [{ data: { slug: 'b' } }])
  }
})

t.test('each end has its own name', async t => {
  const clock = new TestClock(Date.now())
  const store = new MemoryStore(clock)
  const gateway = await startGateway(t, store, {}, undefined, clock)
  const begin = await store.feed.last()
  const withLife = (name: string, life: object) => post(gateway.app, { metadata: { name }, spec: { execution_id: 'e', ...life } })
  await withLife('leased', { ttl: '100s', lease: '10s' })
  await withLife('short', { ttl: '20s' })
  await withLife('leased for all its life', { ttl: '30s', lease: '30s' })
  clock.time += 40_000
  const ends = async () => (await store.feed.changes(begin, 99)).slice(3).map(({ event }) => JSON.parse(event!.data))
  await until(async () => (await ends()).length === 3)
  t.same((await ends()).map(({ type, slug, caller }) => [type, slug, caller.name]), [
    ['heartbeat_missed', 'leased', 'system'], ['expired', 'short', 'system'], ['expired', 'leased-for-all-its-life', 'system']
  ])
})

t.test('operators and viewers may follow all, a run what is its own, and each stream is recorded once', async t => {
  const gateway = await start(t, withTokens(t))
  const { app } = gateway
  const [own, other] = [await create(gateway, 'own', bearer(OPERATOR)), await create(gateway, 'other', bearer(OPERATOR))]
  const run = bearer(own.status.run_token)
  const accept = { accept: 'application/json' }
  const codeOf = async (url: string, headers: object) => (await app.inject({ url, headers: { ...accept, ...headers } })).statusCode
  const of = ({ metadata: { id } }: { metadata: { id: string } }) => `${PATH}/${id}/events`
  t.same(await Promise.all([
    codeOf('/v1/events', bearer(OPERATOR)), codeOf('/v1/events', bearer(VIEWER)), codeOf('/v1/events', run), codeOf('/v1/events', {}),
    codeOf(of(own), bearer(VIEWER)), codeOf(of(own), run), codeOf(of(other), run), codeOf(of(own), {})
  ]), [200, 200, 403, 401, 200, 200, 403, 401])
  const stream = await open(t, gateway, of(own), run)
  await app.inject({ method: 'DELETE', url: `${PATH}/${own.metadata.id}`, headers: bearer(OPERATOR) })
  await stream.over()
  t.same(stream.events().map(({ event }) => event), ['deleted', 'end'])
  const { events } = (await app.inject({ url: `${PATH}/${own.metadata.id}/audit`, headers: bearer(OPERATOR) })).json()
  const watched = events.filter(({ event }: { event: string }) => event === 'watched')
  t.same(watched.map(({ caller: { kind, name }, operation }: any) => [kind, name, operation]), [
    ['token', 'auditor', 'listEvents'], ['run', `run:${own.metadata.id}`, 'listEvents'], ['run', `run:${own.metadata.id}`, 'watch']
  ])
})

t.test('a stream ends with the credentials that opened it', async t => {
  const env = withTokens(t)
  const gateway = await start(t, env)
  const stream = await open(t, gateway, '/v1/events', bearer(VIEWER))
  const kept = await open(t, gateway, '/v1/events', bearer(OPERATOR))
  writeFileSync(env.ECTX_TOKENS_FILE, JSON.stringify([{ name: 'runner', sha256: hash('sha256', OPERATOR), role: 'operator' }]))
  await stream.over()
  t.match(stream.text(), /retry: \d+\n\n$/)
  t.equal(kept.response.destroyed, false)
})

t.test('the gateway closes its streams in order, and says that one may come again', async t => {
  const gateway = await start(t)
  const streams = await Promise.all(Array.from({ length: 20 }, () => open(t, gateway, '/v1/events')))
  await gateway.close()
  for (const { text, over } of streams) {
    await over()
    t.match(text(), /retry: \d+\n\n$/)
  }
})

t.test('what is open is looked after by one timer', t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const streams = new OpenStreams()
  const looked = [0, 0, 0]
  const asked = [0, 0, 0]
  const ended: number[] = []
  const all = looked.map((_, index) => ({
    mayGoOn: async () => { asked[index]!++; return index !== 1 },
    look: () => { looked[index]!++ },
    end: () => { ended.push(index) }
  }))
  for (const stream of all) streams.add(stream)
  mock.timers.tick(5_000)
  t.same([looked, asked], [[5, 5, 5], [1, 1, 1]])
  streams.remove(all[0]!)
  mock.timers.tick(5_000)
  t.same(looked[0], 5)
  streams.close()
  t.same(ended.slice(-2), [1, 2])
  t.end()
})
