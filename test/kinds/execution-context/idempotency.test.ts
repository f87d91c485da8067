import t from 'tap'
import { IDEMPOTENCY_KIND } from '../../../src/resource/idempotency.js'
import { bearer, OPERATOR } from '../../support/callers.js'
import { contextBody, PATH, post } from '../../support/gateway.js'
import { assertProblem } from '../../support/problem.js'
import { timedEngines, timedGateway } from '../../support/timed-gateway.js'

const DAY = 24 * 3_600_000
const key = (value: string) => ({ 'idempotency-key': value })

for (const [engine, open] of Object.entries(timedEngines)) {
  t.test(`${engine}: the same call again gets the first answer, and makes nothing`, async t => {
    const { make, store, clock, events } = await timedGateway(t, { open })
    for (const path of [PATH, `${PATH}/apply`]) {
      const first = await make(path, {}, '', path, key('"one"'))
      t.equal(first.statusCode, 201)
      t.notOk('idempotent-replayed' in first.headers)
      clock.time += 1_000
      for (const spelt of ['"one"', 'one']) {
        const again = await make(path, {}, '', path, key(spelt))
        const seen = [first, again].map(({ statusCode, body, headers: { location, etag } }) => ({ statusCode, body, location, etag }))
        t.same(seen[1], seen[0])
        t.equal(again.headers['idempotent-replayed'], 'true')
      }
      const redacted = await make(path, {}, '?view=redacted', path, key('one'))
      t.same(redacted.json().spec.data.TOKEN, { is_secret: true })
      const { id } = first.json().metadata
      t.same((await events(id)).map(({ event, keys }) => [event, keys]), [
        ['created', ['TOKEN']], ...Array(2).fill(['replayed', ['TOKEN']]), ['replayed', undefined]
      ])
    }
    t.equal((await store.page('execution_context', {}, undefined, 9)).records.length, 2, 'one for each operation')
    t.equal((await make('another', {}, '', PATH, key('two'))).statusCode, 201, 'another key is another call')
    t.equal((await make('another', {}, '', PATH, key('three'))).statusCode, 409, 'whose slug may be taken')
    t.equal((await make('another', {}, '', PATH, key('three'))).statusCode, 409, 'and what was refused is tried anew')
  })

  t.test(`${engine}: another call with the key is refused, naming where it differs and no value`, async t => {
    const { app, store } = await timedGateway(t, { open })
    const body = (changes: object, data: object = {}) => ({
      metadata: { name: 'My Run', labels: { team: 'data' }, tags: ['a', 'b'] },
      spec: { execution_id: 'wfx-1', data: { REGION: { value: 'eu' }, TOKEN: { value: 's3cr3t', is_secret: true }, ...data } },
      ...changes
    })
    const send = (content: object) => post(app, content, PATH, { ...bearer(OPERATOR), ...key('k') })
    const { id } = (await send(body({}))).json().metadata
    const { spec } = body({})
    const cases: Array<[content: object, pointers: string[]]> = [
      [body({}, { TOKEN: { value: 'an0ther', is_secret: true } }), ['/spec/data/TOKEN/value']],
      [body({}, { TOKEN: { value: 's3cr3t' } }), ['/spec/data/TOKEN/is_secret']],
      [body({}, { 'A.B': { value: 'new' } }), ['/spec/data/A.B/value']],
      [body({ spec: { execution_id: 'wfx-1' } }), ['/spec/data/REGION/value', '/spec/data/TOKEN/is_secret', '/spec/data/TOKEN/value']],
      [body({ spec: { ...spec, ttl: '60s', lease: '5s' } }), ['/spec/lease', '/spec/ttl']],
      [body({ metadata: { name: 'My Run', labels: { 'te/am~': 'data' }, tags: ['b'] } }), [
        '/metadata/labels/te~1am~0', '/metadata/labels/team', '/metadata/tags/0', '/metadata/tags/1'
      ]]
    ]
    for (const [content, pointers] of cases) {
      const response = await send(content)
      const { detail } = assertProblem(t, response, { status: 422, code: 'idempotency_key_reused', pointers })
      t.match(detail, pointers.toSorted()[0])
      t.notMatch(response.body, /s3cr3t|an0ther/)
    }
    const sorted = { spec: { data: { TOKEN: { is_secret: true, value: 's3cr3t' }, REGION: { is_secret: false, value: 'eu' } }, execution_id: 'wfx-1' }, metadata: { tags: ['a', 'b'], labels: { team: 'data' }, name: 'My Run' } }
    t.equal((await send({ kind: 'ExecutionContext', ...sorted })).json().metadata.id, id, 'the order of fields and what is said by leaving it out do not count')

    const [record] = (await store.page(IDEMPOTENCY_KIND, {}, undefined, 9)).records
    const kept = Buffer.from(record!.body).toString('latin1')
    t.notMatch(kept, /s3cr3t|eu"|data"/, 'no value is kept')
    t.match(kept, '/spec/data/TOKEN/value')
  })

  t.test(`${engine}: fifty at once with one key make one context, and get fifty equal answers`, async t => {
    const { make, store } = await timedGateway(t, { open })
    const answers = await Promise.all(Array.from({ length: 50 }, () => make('My Run', {}, '', PATH, key('k'))))
    t.same(new Set(answers.map(({ statusCode, body }) => `${statusCode} ${body}`)).size, 1)
    t.equal(answers[0]?.statusCode, 201)
    t.equal(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true').length, 49)
    t.equal((await store.page('execution_context', {}, undefined, 9)).records.length, 1)
  })

  t.test(`${engine}: again with a run token gets a new one, and the first is void; nothing else changes`, async t => {
    const { make, get, clock, ask } = await timedGateway(t, { open })
    const began = clock.time
    const send = () => make('My Run', { lease: '60s' }, '?run_token=true', PATH, key('k'))
    const first = await send()
    const { metadata: { id }, status: { run_token: lost } } = first.json()
    clock.time = began + 30_000
    t.equal((await ask('POST', `${PATH}/${id}/heartbeat`, { token: lost })).statusCode, 200)
    const second = await send()
    const { run_token: token, ...status } = second.json().status
    t.not(token, lost)
    t.equal(second.headers.etag, first.headers.etag)
    t.equal((await get(`/${id}`)).headers.etag, first.headers.etag)
    t.same({ ...second.json(), status }, (await get(`/${id}`)).json())
    t.same([(await get(`/${id}`, lost)).statusCode, (await get(`/${id}`, token)).statusCode], [401, 200])
    t.equal((await make('My Run', { lease: '60s' }, '', PATH, key('k'))).json().status.run_token, undefined, 'who asks for none gets none')
    t.equal((await get(`/${id}`, token)).statusCode, 200, 'and takes none')
    clock.time = began + 89_999
    t.equal((await get(`/${id}`)).statusCode, 200, 'the lease is as the heartbeat left it')
    clock.time = began + 90_000
    t.equal((await get(`/${id}`)).statusCode, 404)
  })

  t.test(`${engine}: the key outlives what it made, for a day at least, and is swept without a word`, async t => {
    const { make, ask, clock, store, events, sweep } = await timedGateway(t, { open })
    const send = (name: string, spec: object = {}) => make(name, spec, '', PATH, key(name))
    const deleted = (await send('deleted', { ttl: '1s' })).json().metadata.id
    const expired = (await send('expired', { ttl: '60s' })).json().metadata.id
    const long = (await send('long', { ttl: '604800s' })).json().metadata.id
    t.equal((await ask('DELETE', `${PATH}/${deleted}`)).statusCode, 200)
    clock.time += DAY - 1
    await sweep()
    for (const [name, ttl, id] of [['deleted', '1s', deleted], ['expired', '60s', expired]]) {
      const { detail } = assertProblem(t, await send(name!, { ttl }), { status: 409, code: 'aborted' })
      t.ok(detail.includes(id!) && detail.includes('gone'))
    }
    clock.time += 1
    await sweep()
    const anew = await send('expired', { ttl: '60s' })
    t.equal(anew.statusCode, 201)
    t.not(anew.json().metadata.id, expired)
    clock.time += 6 * DAY - 1
    t.equal((await send('long', { ttl: '604800s' })).json().metadata.id, long)
    await sweep()
    t.equal((await store.page(IDEMPOTENCY_KIND, {}, undefined, 9)).records.length, 1)
    t.same((await events()).filter(({ event }) => event === 'expired').map(({ context_id: id }) => id), [expired, anew.json().metadata.id])
  })
}

t.test('a key is its caller’s own', async t => {
  const { app } = await timedGateway(t, { env: {} })
  const run = await post(app, contextBody(), PATH, { ...bearer(OPERATOR), ...key('k') })
  t.equal(run.statusCode, 201)
  assertProblem(t, await post(app, contextBody(), PATH, key('k')), { status: 401, code: 'unauthenticated' })
})

t.test('what cannot be a key is refused, naming the header, and nothing is made', async t => {
  const { make, get } = await timedGateway(t)
  for (const value of ['', '""', ' ', 'a b', '"a b"', 'a,b', 'a, b', '"a", "b"', '"a', 'a"', '"a"b', 'x'.repeat(256), 'x'.repeat(300), `"${'x'.repeat(256)}"`, 'ä', '"\\a"']) {
    assertProblem(t, await make('none', {}, '', PATH, key(value)), { status: 400, code: 'invalid_argument', pointers: ['/Idempotency-Key'] }, value)
  }
  t.equal((await get('/by-reference?slug=none')).statusCode, 404)
  for (const value of ['x', 'x'.repeat(255), `"${'y'.repeat(255)}"`, '"\\"\\\\"', 'a=b;c', '8e03978e-40d5-43dd-bc93-6894a57f9324']) {
    t.equal((await make(`run ${value.length} ${value[0]?.charCodeAt(0)}`, {}, '', PATH, key(value))).statusCode, 201, value)
  }
})
