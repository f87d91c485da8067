import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { contextBody, PATH, startGateway } from '../support/gateway.js'
import { answersIn, listenRaw, type RawAnswer } from '../support/raw.js'
import { until } from '../support/until.js'

let made = 0
const contextJson = () => JSON.stringify(contextBody({ metadata: { name: `run ${made++}` } }))
const request = (method: string, path: string, headers = '', body = '') => `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n${body}`
const create = (json = contextJson(), length = json.length, headers = '') =>
  request('POST', `${PATH}?run_token=true`, `${headers}Content-Type: application/json\r\nContent-Length: ${length}\r\n`, json)
const get = (path: string, headers = '') => request('GET', path, headers)
const garbage = '\0 this is no HTTP\r\n\r\n'
const chunked = (chunks: string, method = 'POST', path = PATH) => request(method, path, 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n', chunks)
const statuses = (answers: RawAnswer[]) => answers.map(({ status }) => status)
const hasRunToken = ({ status, body }: RawAnswer) => status === 201 && JSON.parse(body).status.run_token.startsWith('ectx_run_')

for (const overTls of [false, true]) {
  t.test(overTls ? 'over TLS' : 'without TLS', async t => {
    const { app, exchange, open } = await listenRaw(t, overTls)

    t.test('what came before something that is no HTTP is answered first, and whole', async t => {
      const json = contextJson()
      for (const [what, sent, expected] of [
        ['a Content-Length that is one short', create(`${json} }`, json.length + 1), [201, 400]],
        ['garbage behind a create', create() + garbage, [201, 400]],
        ['megabytes of garbage', create() + garbage.repeat(200_000), [201, 400]],
        ['the headers of another, too large', create() + get('/healthz', `X-Long: ${'x'.repeat(17_000)}\r\n`), [201, 431]],
        ['garbage behind many', create() + get('/healthz') + create() + get('/nothing') + garbage, [201, 200, 201, 404, 400]],
        ['garbage behind the most at once', create().concat(...Array.from({ length: 15 }, () => create())) + garbage, [...Array<number>(16).fill(201), 400]],
        ['garbage behind a delete', request('DELETE', `${PATH}/exec-x`) + garbage, [404, 400]],
        ['garbage behind a read of the audit log', get('/v1/audit-events') + garbage, [200, 400]],
        ['garbage behind a page', get('/docs/json') + garbage, [200, 400]],
        ['garbage behind a file', get('/docs/static/swagger-ui.css') + garbage, [200, 400]],
        ['another whose body is no body', create() + chunked('zz\r\n'), [201, 400]],
        ['another protocol', create() + 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [201, 400]],
        ['a request for a tunnel', create() + request('CONNECT', 'localhost:80'), [201, 501]],
        ['a connection that was to end anyway', create(undefined, undefined, 'Connection: close\r\n') + garbage, [201]],
        ['and much garbage behind it', create(undefined, undefined, 'Connection: close\r\n') + garbage.repeat(200_000), [201]]
      ] as const) {
        const answers = await exchange(sent)
        t.same(statuses(answers), expected, what)
        t.ok(answers.filter(({ status }) => status === 201).every(hasRunToken), `${what}: with its run token`)
        if (expected.length > 1) t.match(answers.at(-1)?.head, /^content-type: application\/problem\+json.*^connection: close/ims)
      }
    })

    t.test('what cannot have its body is answered once', async t => {
      for (const [what, sent, expected] of [
        ['a chunk that is none', chunked('zz\r\n'), [400]],
        ['one behind others', chunked('2\r\n{}\r\nzz\r\n'), [400]],
        ['a read that has no use for it', chunked('zz\r\n', 'GET', '/healthz'), [200]],
        ['what is refused before', chunked('zz\r\n', 'POST', '/nothing'), [404]]
      ] as const) t.same(statuses(await exchange(sent)), expected, what)
      const named = await exchange(request('POST', PATH, 'X-Request-Id: my-own\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n', 'zz\r\n'))
      t.match(JSON.parse(named[0]!.body), { status: 400, request_id: 'my-own', instance: PATH })
    })

    t.test('a client that closes its side when it has sent all gets every answer', async t => {
      for (const [what, sent, expected] of [
        ['a create', create(), [201]],
        ['many', create() + get('/readyz') + create(), [201, 200, 201]],
        ['a body cut short', create(undefined, 10_000), [400]],
        ['one behind another', create() + create(undefined, 10_000), [201, 400]],
        ['garbage behind many', create().concat(create(), create(), create(), create()) + garbage, [201, 201, 201, 201, 201, 400]],
        ['headers cut short', create() + 'GET / HT', [201, 400]],
        ['a read with a body cut short', get('/healthz', 'Content-Length: 10\r\n') + 'abc', [200]],
        ['nothing', '', []]
      ] as const) {
        const answers = await exchange(sent, { fin: true })
        t.same(statuses(answers), expected, what)
        t.ok(answers.filter(({ status }) => status === 201).every(hasRunToken), what)
      }
    })

    t.test('requests on one connection are served one after the other', async t => {
      const json = JSON.stringify(contextBody({ metadata: { slug: `in-order-${overTls}` } }))
      const path = `${PATH}/by-reference?slug=in-order-${overTls}`
      t.same(statuses(await exchange(get(path) + create(json) + get(path) + create(json), { fin: true })), [404, 201, 200, 409])
    })

    t.test('beyond sixteen at once it is told to wait, and nothing behind that is served', async t => {
      const answers = await exchange(Array.from({ length: 30 }, () => create()).join(''))
      t.same(statuses(answers), [...Array<number>(16).fill(201), 503])
      t.match(answers.at(-1)?.head, /^retry-after: 1\r$/im)
      t.ok(answers.slice(0, -1).every(hasRunToken))
    })

    t.test('a client that waits for its answers may send as many as it likes', async t => {
      const socket = open()
      for (let turn = 0; turn < 40; turn++) {
        socket.write(get('/healthz'))
        await once(socket, 'data')
      }
      socket.end()
      t.equal(await text(socket), '')
    })

    t.test('no connection stays', async t => {
      await until(() => new Promise(resolve => app.server.getConnections((_, count) => resolve(count === 0))))
    })
  })
}

t.test('a client that asks whether to send its body is answered before it does, where it need not', async t => {
  const { open } = await listenRaw(t)
  const asking = (path: string, length: number) => request('POST', path, `Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n`)

  for (const [path, length, status] of [['/nothing', 10, 404], [PATH, 50_000_000, 413]] as const) {
    const socket = open()
    socket.write(asking(path, length))
    const [answer] = await once(socket, 'data')
    t.equal(answersIn(String(answer))[0]?.status, status)
    socket.end()
  }

  const socket = open()
  const json = contextJson()
  socket.write(asking(PATH, json.length))
  const [answer] = await once(socket, 'data')
  t.equal(String(answer), 'HTTP/1.1 100 Continue\r\n\r\n')
  socket.end(json)
  t.same(statuses(answersIn(await text(socket))), [201])
})

t.test('`localhost` is served alike on each of its addresses', async t => {
  const { app } = await startGateway(t)
  await app.listen({ host: 'localhost', port: 0 })
  for (const { address, port } of app.addresses() as AddressInfo[]) {
    const socket = connect({ host: address, port, allowHalfOpen: true })
    socket.end(create() + garbage)
    t.same(statuses(answersIn(await text(socket))), [201, 400], address)
  }
})
