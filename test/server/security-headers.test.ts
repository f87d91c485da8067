import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { contextBody, createContext, PATH, post, startGateway } from '../support/gateway.js'

const EXPECTED = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff'
}
const ABSENT = /^(server|x-powered-by|strict-transport-security|cross-origin-opener-policy|access-control-.*)$/

t.test('every answer has the security headers, and none that tells of the server', async t => {
  const { app } = await startGateway(t)
  const { id, etag } = await createContext(app, 'first')
  const answers = {
    created: await post(app, contextBody()),
    read: await app.inject(`${PATH}/${id}`),
    'not modified': await app.inject({ url: `${PATH}/${id}`, headers: { 'if-none-match': etag } }),
    invalid: await post(app, '{'),
    'no such path': await app.inject('/nothing'),
    'no such method': await app.inject({ method: 'PUT', url: PATH }),
    'a bad URL': await app.inject('/%zz'),
    alive: await app.inject('/healthz')
  }
  for (const [name, { headers }] of Object.entries(answers)) {
    t.match(headers, EXPECTED, name)
    t.same(Object.keys(headers).filter(header => ABSENT.test(header)), [], name)
  }
})

t.test('so has an answer to what is no HTTP', async t => {
  const { app } = await startGateway(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.end('nonsense\r\n\r\n')
  const answer = await text(socket)
  for (const [name, value] of Object.entries(EXPECTED)) t.ok(answer.includes(`\r\n${name}: ${value}\r\n`), name)
})

t.test('Swagger UI has its own policy, and the other headers', async t => {
  const { app } = await startGateway(t)
  const { headers } = await app.inject('/docs')
  t.match(headers, { ...EXPECTED, 'content-security-policy': /script-src 'self'/ })
})

t.test('no other origin is given leave, whatever it asks', async t => {
  const { app } = await startGateway(t)
  const headers = { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
  for (const method of ['OPTIONS', 'GET', 'POST'] as const) {
    for (const url of [PATH, '/healthz', '/docs/json']) {
      const answer = await app.inject({ method, url, headers })
      t.same(Object.keys(answer.headers).filter(header => ABSENT.test(header)), [], `${method} ${url}`)
    }
  }
  t.equal((await app.inject({ method: 'OPTIONS', url: PATH, headers })).statusCode, 405)
})
