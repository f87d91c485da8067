import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { GatewayError } from '../../src/errors.js'
import { failingStore } from '../support/failing-store.js'
import { contextBody, PATH, post, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'

t.test('X-Request-Id', async t => {
  const { app, lines } = await startGateway(t)
  const ask = (id: string) => app.inject({ url: `${PATH}/exec-x`, headers: { 'x-request-id': id } })

  t.test('a well-formed one is taken, and is in header, problem and every log line', async t => {
    for (const id of ['my-request.1_~', 'x'.repeat(128)]) {
      lines.length = 0
      const { request_id: requestId } = assertProblem(t, await ask(id), { status: 404, code: 'not_found' })
      t.equal(requestId, id)
      t.ok(lines.length > 0)
      t.ok(lines.every(line => line.request_id === id))
    }
  })

  t.test('any other is replaced', async t => {
    for (const id of ['', 'x'.repeat(129), 'a b', 'a\tb', 'a"b', 'é', '{"a":1}', 'a,b']) {
      const response = await ask(id)
      t.match(response.headers['x-request-id'], /^[0-9a-f-]{36}$/, id)
      t.equal(response.json().request_id, response.headers['x-request-id'])
    }
  })

  t.test('a request without one gets its own', async t => {
    const answers = await Promise.all(['/healthz', PATH, '/nothing', `${PATH}/%`].map(url => app.inject(url)))
    t.equal(new Set(answers.map(({ headers }) => headers['x-request-id'])).size, 4)
  })
})

t.test('a request leaves one line of its own, without body, query or headers', async t => {
  const { app, lines } = await startGateway(t)
  const canary = 'c4n4ry'
  await post(app, contextBody({ metadata: { name: canary }, spec: { execution_id: canary, data: { K: { value: canary, is_secret: true } } } }), PATH, { 'x-canary': canary })
  await app.inject({ url: `${PATH}/by-reference?slug=${canary}&org=${canary}`, headers: { authorization: canary } })
  await app.inject({ url: `${PATH}/by-reference?slug=none&org=${canary}`, headers: { 'x-anything': canary } })
  await app.inject(`/nothing/${canary}`)
  const own = lines.filter(({ msg }) => msg === 'request')
  t.match(own, [
    { level: 'info', operation: 'createExecutionContext', method: 'POST', route: PATH, status: 201, duration_ms: Number, request_id: String },
    { operation: 'getExecutionContextByReference', method: 'GET', route: `${PATH}/by-reference`, status: 401 },
    { operation: 'getExecutionContextByReference', method: 'GET', route: `${PATH}/by-reference`, status: 404 },
    { method: 'GET', status: 404 }
  ])
  t.equal(own.length, 4)
  t.notMatch(JSON.stringify(lines), canary)
})

t.test('a path that does not exist is 404', async t => {
  const { app } = await startGateway(t)
  for (const path of ['/', '/v1', '/v2/execution-contexts', `${PATH}/x/y`, `/${PATH}`, '/V1/execution-contexts', '/v1/execution-contexts:apply', '/%20']) {
    assertProblem(t, await app.inject(path), { status: 404, code: 'not_found' }, path)
    assertProblem(t, await post(app, '{', path), { status: 404, code: 'not_found' }, `POST ${path}`)
  }
})

t.test('a wrong method is 405, with Allow', async t => {
  const { app } = await startGateway(t)
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'] as const
  for (const [path, allow] of [
    [PATH, 'GET, HEAD, POST'],
    [`${PATH}/apply`, 'POST'],
    [`${PATH}/by-reference`, 'GET, HEAD'],
    [`${PATH}/exec-x`, 'DELETE, GET, HEAD'],
    [`${PATH}/exec-x/heartbeat`, 'POST'],
    [`${PATH}/exec-x/env`, 'GET'],
    [`${PATH}/batch-get`, 'POST'],
    ['/v1/executions/wfx-1/execution-contexts', 'DELETE, GET, HEAD'],
    ['/healthz', 'GET, HEAD'],
    ['/readyz', 'GET, HEAD']
  ] as const) {
    for (const method of methods.filter(method => !allow.split(', ').includes(method))) {
      // The body is not looked at: it is the method that is wrong.
      const response = await app.inject({ method: method as 'PUT', url: path, headers: { 'content-type': 'text/plain' }, payload: method === 'HEAD' ? undefined : '{' })
      t.equal(response.headers.allow, allow, `${method} ${path}`)
      if (method === 'HEAD') t.equal(response.statusCode, 405)
      else assertProblem(t, response, { status: 405, code: 'unimplemented' }, `${method} ${path}`)
    }
  }
})

t.test('Content-Type', async t => {
  const { app } = await startGateway(t)
  const create = (type: string, name: string) => post(app, contextBody({ metadata: { name } }), PATH, { 'content-type': type })

  t.test('application/json is taken however it is written', async t => {
    for (const [index, type] of ['application/json', 'APPLICATION/JSON', 'application/json;charset=utf-8', 'application/json ; charset="UTF-8"', 'application/json;'].entries()) {
      t.equal((await create(type, `json ${index}`)).statusCode, 201, type)
    }
  })

  t.test('any other is 415', async t => {
    for (const type of ['text/plain', 'application/problem+json', 'application/vnd.api+json', 'application/jsonx', 'application/x-www-form-urlencoded', 'multipart/form-data', 'json', '/', '', 'application/json, text/plain']) {
      assertProblem(t, await create(type, 'not json'), { status: 415, code: 'invalid_argument' }, type)
    }
    assertProblem(t, await app.inject({ method: 'POST', url: PATH, payload: Buffer.from('{}') }), { status: 415, code: 'invalid_argument' }, 'none')
  })

  t.test('of an empty body does not matter: it is the body that is missing', async t => {
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded']) {
      assertProblem(t, await post(app, '', PATH, { 'content-type': type }), { status: 400, code: 'invalid_argument', pointers: [''] }, type)
    }
    assertProblem(t, await app.inject({ method: 'POST', url: PATH }), { status: 400, code: 'invalid_argument', pointers: [''] }, 'none')
  })
})

t.test('a body that cannot be taken as it stands is 400, and neither the answer nor the log quotes it', async t => {
  const { app, lines } = await startGateway(t)
  const canary = 'c4n4ry'
  const broken = contextBody({ spec: { execution_id: 'e', data: { K: { value: canary, is_secret: true } } } })
  const json = JSON.stringify(broken)
  for (const [body, pointer = ''] of [
    [json.slice(0, -1)],
    [json.slice(0, json.indexOf(canary) + canary.length)],
    [json.replace(`"${canary}"`, canary)],
    [json.replace(canary, `${canary}\n`)],
    [json.replace(canary, `${canary}\\ud800`), '/spec/data/K/value'],
    [json.replace('"K"', '"__proto__"'), '/spec/data/__proto__'],
    [json.replace('"K"', '"\\u005f_proto__"'), '/spec/data/__proto__'],
    [json.replace('"is_secret"', `"value":"${canary}","is_secret"`), '/spec/data/K/value'],
    [`${'['.repeat(40)}"${canary}"`],
    [Buffer.concat([Buffer.from(json), Buffer.from([0xff])])]
  ] as Array<[string | Buffer, string?]>) {
    const response = await post(app, body)
    assertProblem(t, response, { status: 400, code: 'invalid_argument', pointers: [pointer] })
    t.notMatch(response.payload, canary)
  }
  t.notMatch(JSON.stringify(lines), canary)
})

t.test('a store that fails', async t => {
  const canary = 'c4n4ry'
  const askAll = (app: Awaited<ReturnType<typeof startGateway>>['app']) => Promise.all([
    post(app, contextBody()),
    post(app, contextBody(), `${PATH}/apply`),
    app.inject(`${PATH}/exec-x`),
    app.inject(`${PATH}/by-reference?slug=x`),
    app.inject({ method: 'DELETE', url: `${PATH}/exec-x` })
  ])

  t.test('because it cannot work now is 503 with Retry-After', async t => {
    const { app } = await startGateway(t, failingStore(new GatewayError('unavailable', 'try again', { cause: new Error(canary) })))
    for (const response of await askAll(app)) {
      assertProblem(t, response, { status: 503, code: 'unavailable' })
      t.equal(response.headers['retry-after'], '1')
      t.notMatch(response.payload, canary)
    }
  })

  t.test('in any other way is 500, is logged, and its own text goes nowhere', async t => {
    const { app, lines } = await startGateway(t, failingStore(new Error(canary)))
    const answers = await askAll(app)
    for (const response of answers) {
      assertProblem(t, response, { status: 500, code: 'internal' })
      t.notMatch(response.payload, canary)
    }
    const logged = lines.filter(({ msg }) => msg === 'request failed').map(line => line.request_id)
    t.same(logged.sort(), answers.map(({ headers }) => headers['x-request-id']).sort())
    t.notMatch(JSON.stringify(lines), canary)
  })
})

t.test('a request that is hardly HTTP is still answered with a problem', async t => {
  const { app, lines } = await startGateway(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const send = async (request: string) => {
    const socket = connect(port, '127.0.0.1')
    socket.end(request, 'latin1')
    const answer = await text(socket)
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    return { head, problem: JSON.parse(body) }
  }
  const host = 'Host: localhost\r\n'
  const json = 'Content-Type: application/json\r\n'
  const refused: Array<[request: string, status: number, code: string]> = [
    ['nonsense\r\n\r\n', 400, 'invalid_argument'],
    [`GET ${PATH} HTTP/1.1\r\nConnection: close\r\n\r\n`, 400, 'invalid_argument'],
    [`MAKE ${PATH} HTTP/1.1\r\n${host}\r\n`, 400, 'invalid_argument'],
    [`GET ${PATH} HTTP/9.9\r\n${host}\r\n`, 400, 'invalid_argument'],
    [`GET /a b HTTP/1.1\r\n${host}\r\n`, 400, 'invalid_argument'],
    [`GET /\xe9 HTTP/1.1\r\n${host}\r\n`, 400, 'invalid_argument'],
    [`GET /\0 HTTP/1.1\r\n${host}\r\n`, 400, 'invalid_argument'],
    [`GET /%zz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`, 400, 'invalid_argument'],
    [`OPTIONS * HTTP/1.1\r\n${host}Connection: close\r\n\r\n`, 404, 'not_found'],
    [`GET ${PATH} HTTP/1.1\r\n${host}X-Long: ${'x'.repeat(17_000)}\r\n\r\n`, 431, 'resource_exhausted'],
    [`GET ${PATH}/${'x'.repeat(17_000)} HTTP/1.1\r\n${host}\r\n`, 431, 'resource_exhausted'],
    [`POST ${PATH} HTTP/1.1\r\n${host}${json}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400, 'invalid_argument'],
    [`POST ${PATH} HTTP/1.1\r\n${host}${json}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400, 'invalid_argument'],
    [`POST ${PATH} HTTP/1.1\r\n${host}${json}Content-Length: many\r\n\r\n`, 400, 'invalid_argument'],
    [`POST ${PATH} HTTP/1.1\r\n${host}${json}Content-Length: 99999999\r\n\r\n`, 413, 'resource_exhausted']
  ]
  for (const [request, status, code] of refused) {
    const { head, problem } = await send(request)
    t.match(head, new RegExp(`^HTTP/1\\.1 ${status} [A-Z].*content-type: application/problem\\+json; charset=utf-8\r\n`, 'is'), JSON.stringify(request.slice(0, 60)))
    t.match(problem, { type: `urn:ectx:problem:${code}`, title: String, status, detail: String, instance: /^[/*]/, code, request_id: String })
    t.match(head.toLowerCase(), `x-request-id: ${problem.request_id}`)
    t.ok(lines.some(line => line.request_id === problem.request_id && line.status === status), 'and logged')
  }

  t.test('and what came before it on the connection is answered too', async t => {
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET /healthz HTTP/1.1\r\n${host}\r\n`)
    socket.once('data', () => socket.end('nonsense\r\n\r\n'))
    const answer = await text(socket)
    t.match(answer, /^HTTP\/1\.1 200 .*HTTP\/1\.1 400 .*application\/problem\+json/s)
  })
})
