import t from 'tap'
import { VIEWER } from '../../support/callers.js'
import { PATH } from '../../support/gateway.js'
import { assertProblem } from '../../support/problem.js'
import { timedGateway } from '../../support/timed-gateway.js'

const DATA = {
  REGION: { value: 'eu' },
  APP_TOKEN: { value: "it's $s3cr3t", is_secret: true },
  APP_KEY: { value: 'line 1\nline 2', is_secret: true },
  'app.name': { value: 'importer' }
}

/** A gateway with a context, and what asks for its environment. */
async function withContext (t: Parameters<typeof timedGateway>[0], data: object = DATA) {
  const gateway = await timedGateway(t)
  const { metadata: { id }, status: { run_token: token } } = (await gateway.make('My Run', { data }, '?run_token=true')).json()
  return { ...gateway, id, token, env: (query = '', by?: string) => gateway.ask('GET', `${PATH}/${id}/env?${query}`, { token: by }) }
}

t.test('all values are one environment, as JSON where nothing else is said', async t => {
  const { env } = await withContext(t)
  const values = { REGION: 'eu', APP_TOKEN: "it's $s3cr3t", APP_KEY: 'line 1\nline 2', 'app.name': 'importer' }
  for (const query of ['', 'format=json']) {
    const response = await env(query)
    t.same(response.json(), values)
    t.match(response.headers, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  }
})

t.test('in each format, narrowed by names and by how they begin', async t => {
  const { env, token } = await withContext(t)
  const cases: Array<[query: string, text: string | RegExp]> = [
    ['format=shell&keys=REGION,APP_TOKEN', "export REGION='eu'\nexport APP_TOKEN='it'\\''s $s3cr3t'\n"],
    ['format=shell&keys=APP_TOKEN&keys=REGION', "export REGION='eu'\nexport APP_TOKEN='it'\\''s $s3cr3t'\n"],
    ['format=shell&prefix=APP_&keys=REGION,APP_TOKEN', "export APP_TOKEN='it'\\''s $s3cr3t'\n"],
    ['format=dotenv&prefix=APP_', /^APP_TOKEN=.*\nAPP_KEY='line 1\nline 2'\n$/],
    ['format=docker&keys=REGION', 'REGION=eu\n'],
    ['format=github&keys=APP_KEY', /^APP_KEY<<(\S+)\nline 1\nline 2\n\1\n$/],
    ['format=shell&prefix=NONE', '']
  ]
  for (const [query, text] of cases) {
    const response = await env(query, token)
    t.equal(response.statusCode, 200, query)
    t.equal(response.headers['content-type'], 'text/plain; charset=utf-8')
    if (typeof text === 'string') t.equal(response.body, text, query)
    else t.match(response.body, text, query)
  }
  t.same((await env('keys=REGION&prefix=APP_')).json(), {})
  t.same((await env('prefix=NONE')).json(), {})
})

t.test('what a format cannot hold is named, and never shown', async t => {
  const { env, events, id } = await withContext(t, { ...DATA, NUL: { value: 'a\0b' }, UID: { value: '5' } })
  const cases: Array<[format: string, names: string[]]> = [
    ['json', ['NUL']], ['dotenv', ['NUL', 'app.name']], ['shell', ['NUL', 'UID', 'app.name']],
    ['docker', ['APP_KEY', 'NUL', 'app.name']], ['github', ['NUL', 'app.name']]
  ]
  for (const [format, names] of cases) {
    const response = await env(`format=${format}`)
    assertProblem(t, response, { status: 422, code: 'not_representable', pointers: names.map(name => `/spec/data/${name}`) }, format)
    t.notMatch(response.body, /s3cr3t|line 1/)
  }
  t.same((await events(id)).filter(({ operation }) => operation === 'exportEnv'), [], 'nothing was shown')
})

t.test('is in the audit log, with the names of the secrets that were shown', async t => {
  const { env, events, id, token } = await withContext(t)
  await env('keys=APP_TOKEN,REGION', token)
  await env('keys=REGION')
  t.match((await events(id)).slice(-2), [
    { event: 'revealed', operation: 'exportEnv', keys: ['APP_TOKEN'], caller: { kind: 'run' }, outcome: 'ok' },
    { event: 'read', operation: 'exportEnv', keys: undefined, caller: { name: 'runner' } }
  ])
})

t.test('is for who may reveal secrets', async t => {
  const { env, make } = await withContext(t)
  const { status: { run_token: other } } = (await make('Other', {}, '?run_token=true')).json()
  for (const token of [VIEWER, other]) assertProblem(t, await env('', token), { status: 403, code: 'permission_denied' })
})

t.test('a query that is wrong is refused, and so is HEAD, which would show nothing', async t => {
  const { env, ask, id, events } = await withContext(t)
  const cases: Array<[query: string, pointer: string]> = [
    ['format=yaml', '/format'], ['format=', '/format'], ['format=json&format=shell', '/format'], ['prefix=', '/prefix'],
    ['keys=', '/keys/0'], ['keys=REGION,NONE', '/keys/1'], ['keys=__proto__', '/keys/0'], ['keys=A,,B', '/keys/1'], [`keys=${'A'.repeat(254)}`, '/keys/0'], ['view=full', '/view'], ['x=', '/x']
  ]
  for (const [query, pointer] of cases) assertProblem(t, await env(query), { status: 400, code: 'invalid_argument', pointers: [pointer] }, query)
  const head = await ask('HEAD', `${PATH}/${id}/env`)
  t.same([head.statusCode, head.headers.allow], [405, 'GET'])
  t.same((await events(id)).map(({ event }) => event), ['created'])
  assertProblem(t, await ask('GET', `${PATH}/exec-x/env`), { status: 404, code: 'not_found' })
})

t.test('a context without values has an empty environment', async t => {
  const { env } = await withContext(t, {})
  for (const format of ['dotenv', 'shell', 'docker', 'github']) t.same([(await env(`format=${format}`)).statusCode, (await env(`format=${format}`)).body], [200, ''])
  t.same((await env()).json(), {})
})
