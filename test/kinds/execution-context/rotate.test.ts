import t from 'tap'
import { IDEMPOTENCY_KIND } from '../../../src/resource/idempotency.js'
import { readResourceEvent } from '../../../src/resource/resource-event.js'
import type { Store } from '../../../src/storage/store.js'
import { VIEWER } from '../../support/callers.js'
import { PATH } from '../../support/gateway.js'
import { assertProblem } from '../../support/problem.js'
import { timedEngines, timedGateway } from '../../support/timed-gateway.js'

const KEPT = 'execution_context_version'
const data = { REGION: { value: 'eu' }, TOKEN: { value: 's3cr3t-1', is_secret: true }, OTHER: { value: 'same', is_secret: true } }
const to = (value: string, more: object = {}) => ({ data: { TOKEN: { value } }, ...more })
const kept = async (store: Store) => (await store.page(KEPT, {}, undefined, 99)).records.length

for (const [engine, open] of Object.entries(timedEngines)) {
  /** A gateway with a context, and what rotates it. */
  const begin = async (t: Parameters<typeof timedGateway>[0], spec: object = {}) => {
    const gateway = await timedGateway(t, { open })
    const made = await gateway.make('one', { data, ...spec }, '?run_token=true')
    const { metadata: { id, version }, status: { run_token: run } } = made.json()
    const rotate = (body: object, headers: Record<string, string> = {}, query = '') =>
      gateway.ask('POST', `${PATH}/${id}/rotate${query}`, { body, headers })
    const read = async (asked = '', token?: string) => gateway.get(`/${id}?version=${asked}`.replace(/\?version=$/, ''), token)
    return { ...gateway, made, id, first: version.id as string, run, rotate, read }
  }

  t.test(`${engine}: secrets get new values, and nothing else changes`, async t => {
    const { clock, made, id, first, run, rotate, read, events, store } = await begin(t)
    const { status: { run_token: _, ...status }, ...before } = made.json()
    clock.time += 1_000
    const response = await rotate(to('s3cr3t-2', { version_message: 'Why' }))
    t.equal(response.statusCode, 200)
    t.not(response.headers.etag, made.headers.etag)
    const { version } = response.json().metadata
    t.match(version, { id: /^ver-[0-9a-z]{26}$/, message: 'Why', previous_version_id: first })
    t.not(version.id, first)
    const at = new Date(clock.time).toISOString()
    t.strictSame(response.json(), {
      ...before,
      metadata: { ...before.metadata, version },
      spec: { ...before.spec, data: { ...before.spec.data, TOKEN: { value: 's3cr3t-2', is_secret: true } } },
      status: { ...status, audit: { ...status.audit, spec_audit: { ...status.audit.spec_audit, updated_by: { id: 'runner' }, updated_at: at, event: 'rotated' } } }
    })
    for (const token of [undefined, run]) t.equal((await read('', token)).body, response.body, 'also to its run token, which stays')
    t.equal((await read()).headers.etag, response.headers.etag)

    const told = (await store.feed.changes(undefined, 9)).flatMap(({ event }) => event === undefined ? [] : readResourceEvent(event))
    t.match(told, [{ type: 'created', version: { id: first } }, { type: 'rotated', id, slug: 'one', execution_id: 'wfx-1', version, keys: ['TOKEN'] }])
    t.match((await events(id)).map(({ event, keys }) => [event, keys]).slice(0, 3), [
      ['created', ['TOKEN', 'OTHER']], ['rotated', ['TOKEN']], ['revealed', ['TOKEN', 'OTHER']]
    ])
    t.notMatch(JSON.stringify([told, await events()]), /s3cr3t/)
    const redacted = await rotate(to('s3cr3t-3'), {}, '?view=redacted')
    t.same(redacted.json().spec.data.TOKEN, { is_secret: true })
    t.equal((await events(id)).at(-1)!.event, 'rotated', 'and what shows no secret reveals none')
  })

  t.test(`${engine}: what is not right is named by its place, and nothing is changed`, async t => {
    const { made, rotate, read, store } = await begin(t)
    const cases: Array<[body: object, pointers: string[]]> = [
      [{ data: {} }, ['/data']],
      [{ data: { NONE: { value: 'x' }, REGION: { value: 'x' }, TOKEN: { value: 'x' } } }, ['/data/NONE', '/data/REGION']],
      [{ data: { TOKEN: { value: 's3cr3t-2', is_secret: false } } }, ['/data/TOKEN/is_secret']],
      [{ data: { TOKEN: { value: '' } } }, ['/data/TOKEN/value']],
      [to('x'.repeat(65_537)), ['/data/TOKEN/value']],
      [to('s3cr3t-2', { grace: '86401s' }), ['/grace']],
      [to('s3cr3t-2', { grace: '5m' }), ['/grace']],
      [to('s3cr3t-2', { version_message: 'a\nb' }), ['/version_message']]
    ]
    for (const [body, pointers] of cases) {
      const response = await rotate(body)
      assertProblem(t, response, { status: 400, code: 'invalid_argument', pointers })
      t.notMatch(response.body, 's3cr3t-2')
    }
    assertProblem(t, await rotate(to('x'), { 'if-match': '"exec-none.1.full"' }), { status: 412, code: 'failed_precondition' })
    t.equal((await read()).headers.etag, made.headers.etag)
    t.equal(await kept(store), 0)
  })

  t.test(`${engine}: a secret may be as long as there is room for with all that stays`, async t => {
    const long = Object.fromEntries(Array.from({ length: 15 }, (_, at) => [`V${at}`, { value: 'v'.repeat(65_536) }]))
    const { rotate } = await begin(t, { data: { ...long, TOKEN: { value: 'x', is_secret: true } } })
    t.equal((await rotate(to('x'.repeat(65_536)))).statusCode, 200)
  })

  t.test(`${engine}: what it was before can be read for its grace, to the millisecond, and is swept then without a word`, async t => {
    const { clock, id, first, run, made, rotate, read, get, sweep, events, store } = await begin(t)
    const etag = (await read()).headers.etag
    const second = (await rotate(to('s3cr3t-2', { grace: '100s' }))).json().metadata.version.id
    const third = (await rotate(to('s3cr3t-3'))).json().metadata.version.id
    const last = await rotate(to('s3cr3t-4', { grace: '0s' }))
    t.equal(await kept(store), 2)
    for (const token of [undefined, run]) {
      const before = await read(first, token)
      t.equal(before.headers.etag, etag)
      t.match(before.json(), { metadata: { id, version: { id: first } }, spec: { data: { TOKEN: { value: 's3cr3t-1' } } } })
      t.equal((await read(second, token)).json().spec.data.TOKEN.value, 's3cr3t-2')
      t.equal((await get(`/${id}/env?version=${first}`, token)).json().TOKEN, 's3cr3t-1')
      for (const current of ['', 'latest', last.json().metadata.version.id]) t.equal((await read(current, token)).body, last.body, current)
    }
    t.same((await read(first, VIEWER)).json().spec.data.TOKEN, { is_secret: true })
    t.equal((await get(`/${id}?version=${first}`, undefined, { 'if-none-match': etag as string })).statusCode, 304)
    t.match((await events(id)).at(-1), { event: 'read', context_id: id, slug: 'one', execution_id: 'wfx-1' })
    for (const gone of [third, 'ver-none', id]) assertProblem(t, await read(gone), { status: 404, code: 'not_found' })
    const other = (await get('')).json()
    t.equal(other.execution_contexts.length, 1, 'no list has it')

    clock.time += 99_999
    t.equal((await read(first)).statusCode, 200)
    clock.time += 1
    assertProblem(t, await read(first), { status: 404, code: 'not_found' })
    assertProblem(t, await get(`/${id}/env?version=${first}`), { status: 404, code: 'not_found' })
    t.equal((await read(second)).statusCode, 200, 'each has its own grace')
    clock.time += 200_000
    assertProblem(t, await read(second), { status: 404, code: 'not_found' })
    await sweep()
    t.equal(await kept(store), 0)
    t.equal((await read()).body, last.body)
    t.notOk((await events()).some(({ event }) => event === 'expired'))
    t.ok(made)
  })

  t.test(`${engine}: what another context was is no version of this one`, async t => {
    const { make, ask, rotate, first } = await begin(t)
    await rotate(to('s3cr3t-2'))
    const { id } = (await make('two')).json().metadata
    assertProblem(t, await ask('GET', `${PATH}/${id}?version=${first}`), { status: 404, code: 'not_found' })
  })

  t.test(`${engine}: it lives no longer for it, also after a heartbeat, and an end that comes first wins`, async t => {
    const { clock, id, first, ask, rotate, read, sweep, store, events } = await begin(t, { ttl: '100s', lease: '10s' })
    clock.time += 5_000
    t.equal((await ask('POST', `${PATH}/${id}/heartbeat`)).statusCode, 200)
    t.equal((await rotate(to('s3cr3t-2', { grace: '100s' }))).statusCode, 200)
    clock.time += 9_999
    t.equal((await read()).json().spec.data.TOKEN.value, 's3cr3t-2')
    t.equal((await ask('POST', `${PATH}/${id}/heartbeat`)).statusCode, 200, 'what proves how long it lives is still right')
    clock.time += 10_000
    for (const version of ['', first]) assertProblem(t, await read(version), { status: 404, code: 'not_found' })
    assertProblem(t, await rotate(to('s3cr3t-3')), { status: 404, code: 'not_found' })
    clock.time += 100_000
    await sweep()
    t.equal(await kept(store), 0)
    t.equal((await events(id)).filter(({ event }) => event === 'expired').length, 1)
  })

  t.test(`${engine}: of many at once none is lost, and with If-Match one succeeds`, async t => {
    const { made, rotate, read, store } = await begin(t)
    const names = Array.from({ length: 32 }, (_, at) => at % 2 === 0 ? 'TOKEN' : 'OTHER')
    const all = await Promise.all(names.map((name, at) => rotate({ data: { [name]: { value: `new-${at}` } }, grace: '60s' })))
    t.ok(all.every(({ statusCode }) => statusCode === 200))
    t.equal(await kept(store), 32)
    const versions = new Map(all.map(response => [response.json().metadata.version.id, response.json()]))
    const current = (await read()).json()
    let [chain, length] = [current, 0]
    for (; chain !== undefined; chain = versions.get(chain.metadata.version.previous_version_id)) length++
    t.equal(length, 32, 'each follows another')
    for (const name of ['TOKEN', 'OTHER']) t.match(current.spec.data[name].value, /^new-/)
    const etag = (await read()).headers.etag as string
    const matched = await Promise.all(names.map((_, at) => rotate(to(`only-${at}`), { 'if-match': etag })))
    t.same(matched.map(({ statusCode }) => statusCode).sort(), [200, ...Array(31).fill(412)])
    t.equal((await rotate(to('x'), { 'if-match': made.headers.etag as string })).statusCode, 412)
  })

  t.test(`${engine}: the same again with its key does nothing, and another with that key is refused`, async t => {
    const { rotate, read, events, id, store } = await begin(t)
    const key = { 'idempotency-key': 'k' }
    const all = await Promise.all(Array.from({ length: 8 }, () => rotate(to('s3cr3t-2'), key)))
    t.same(new Set(all.map(({ body, headers: { etag } }) => `${etag} ${body}`)).size, 1)
    t.equal(all.filter(({ headers }) => headers['idempotent-replayed'] === 'true').length, 7)
    t.equal((await events(id)).filter(({ event }) => event === 'rotated').length, 1)
    t.match((await events(id)).at(-1), { event: 'replayed', operation: 'rotate', keys: ['TOKEN', 'OTHER'] })
    const refused = await rotate(to('s3cr3t-3'), key)
    assertProblem(t, refused, { status: 422, code: 'idempotency_key_reused', pointers: ['/data/TOKEN/value'] })
    t.notMatch(refused.body, /s3cr3t/)
    t.equal((await rotate(to('s3cr3t-2'), { ...key, 'if-match': '"exec-none.1.full"' })).statusCode, 200, 'it was done before')
    t.equal((await read()).body, all[0]!.body)
    const [record] = (await store.page(IDEMPOTENCY_KIND, {}, undefined, 9)).records
    t.notMatch(Buffer.from(record!.body).toString('latin1'), /s3cr3t/)
  })

  t.test(`${engine}: a run token that takes the place of the first is not lost to a rotation`, async t => {
    const { make, ask, get } = await timedGateway(t, { open })
    const create = () => make('one', { data }, '?run_token=true', PATH, { 'idempotency-key': 'k' })
    const { id } = (await create()).json().metadata
    for (let round = 0; round < 8; round++) {
      const [{ statusCode }, again] = await Promise.all([ask('POST', `${PATH}/${id}/rotate`, { body: to(`new-${round}`) }), create()])
      t.same([statusCode, again.statusCode], [200, 201])
      t.equal((await get(`/${id}`, again.json().status.run_token)).json().spec.data.TOKEN.value, `new-${round}`)
    }
  })

  t.test(`${engine}: what it was before goes with it, shredded with it where that is asked for`, async t => {
    for (const query of ['', '?shred=true']) {
      for (const path of [(id: string) => `${PATH}/${id}`, () => '/v1/executions/wfx-1/execution-contexts']) {
        const { ask, id, first, rotate, read, store, close } = await begin(t)
        await rotate(to('s3cr3t-2'))
        await rotate(to('s3cr3t-3', { grace: '0s' }))
        await rotate(to('s3cr3t-4'))
        t.equal(await kept(store), 2)
        const [old] = (await store.page(KEPT, {}, undefined, 1)).records
        const current = await store.find('execution_context', id)
        t.equal((await ask('DELETE', path(id) + query)).statusCode, 200)
        t.equal(await kept(store), 0)
        assertProblem(t, await read(first), { status: 404, code: 'not_found' })

        // As from an older copy of the store.
        await store.insert(current!, { records: [old!] })
        const copy = await read(old!.id)
        if (query === '') t.match(copy.json().spec.data.TOKEN.value, /^s3cr3t/)
        else assertProblem(t, copy, { status: 503, code: 'unavailable' })
        await close()
      }
    }
  })
}
