import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { LIMITS, type Limits } from '../../src/server/listener.js'
import { PATH, startGateway } from '../support/gateway.js'

async function listen (t: Test, limits: Partial<Limits>) {
  const { app, lines } = await startGateway(t, undefined, {}, { ...LIMITS, checkEvery: 10, ...limits })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const open = () => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    t.teardown(() => socket.destroy())
    return socket
  }
  return { open, lines }
}

async function assertTimeout (t: Test, socket: Socket) {
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  t.match(head, /^HTTP\/1\.1 408 Request Timeout\r\ncontent-type: application\/problem\+json.*\r\nconnection: close/is)
  t.match(JSON.parse(body), { status: 408, code: 'deadline_exceeded', instance: '/', request_id: String })
}

t.test('headers that only trickle in are answered 408, and the connection ends', async t => {
  const { open, lines } = await listen(t, { headersTimeout: 100, requestTimeout: 60_000 })
  const socket = open()
  socket.on('error', () => {})
  socket.write(`GET ${PATH}/exec-x HTTP/1.1\r\nHost: localhost\r\n`)
  const trickle = setInterval(() => socket.write('X-More: x\r\n'), 5)
  t.teardown(() => clearInterval(trickle))
  await assertTimeout(t, socket)
  t.match(lines.filter(({ msg }) => msg === 'unparsable request'), [{ status: 408 }])
})

t.test('so is a body that only trickles in', async t => {
  const { open } = await listen(t, { headersTimeout: 100, requestTimeout: 100 })
  const socket = open()
  socket.on('error', () => {})
  socket.write(`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{`)
  const trickle = setInterval(() => socket.write(' '), 5)
  t.teardown(() => clearInterval(trickle))
  await assertTimeout(t, socket)
})

t.test('a connection on which nothing moves is ended', async t => {
  const { open } = await listen(t, { idleTimeout: 50 })
  const socket = open()
  t.equal(await text(socket), '')
})

t.test('beyond the most connections a new one is closed, and those that are open go on', async t => {
  const { open } = await listen(t, { connections: 2 })
  const ask = async (socket: Socket) => {
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const [answer] = await once(socket, 'data')
    return String(answer).split(' ')[1]
  }
  const first = [open(), open()]
  for (const socket of first) t.equal(await ask(socket), '200')
  const third = open()
  third.on('error', () => {})
  third.resume()
  await once(third, 'end')
  t.equal(third.bytesRead, 0)
  for (const socket of first) {
    t.equal(await ask(socket), '200')
    socket.end()
  }
})
