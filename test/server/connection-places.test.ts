import { EventEmitter, once } from 'node:events'
import type { Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { ConnectionPlaces } from '../../src/server/connection-places.js'
import { LIMITS } from '../../src/server/listener.js'
import { createLogger } from '../../src/telemetry/log.js'
import { PATH, startGateway } from '../support/gateway.js'
import { until } from '../support/until.js'

const ASK = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
const HEAD = `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n`

async function listen (t: Test, connections: number) {
  const { app, lines } = await startGateway(t, undefined, {}, { ...LIMITS, connections, closing: 50 })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const open = async (sent = '', localAddress = '127.0.0.1') => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    await once(socket, 'connect')
    if (sent !== '') socket.write(sent)
    return socket
  }
  const count = () => new Promise<number>(resolve => app.server.getConnections((_, count) => resolve(count)))
  return { app, open, count, lines }
}

const statusOf = async (socket: Socket) => String((await once(socket, 'data'))[0]).split(' ')[1]
const ended = (socket: Socket) => new Promise<void>(resolve => { socket.once('close', () => resolve()).resume() })

t.test('where all places are taken, one that waits for its client gives way', async t => {
  const waiting = { 'without a request': '', 'with half a head': HEAD.slice(0, 40), 'with half a body': `${HEAD}{` }
  for (const [what, sent] of Object.entries(waiting)) {
    await t.test(what, async t => {
      const { open, count } = await listen(t, 3)
      const sockets = []
      for (let index = 0; index < 3; index++) {
        sockets.push(await open(sent))
        await until(async () => await count() === index + 1)
      }
      const gone = ended(sockets[0]!)
      t.equal(await statusOf(await open(ASK)), '200')
      await gone
      t.equal(await count(), 3)
      t.same(sockets.map(({ destroyed }) => destroyed), [true, false, false], 'that of those which waits longest')
    })
  }
})

t.test('one that is kept after its answer gives way to one that asks, and to none that does not', async t => {
  const { open, count } = await listen(t, 2)
  const sockets = [await open(ASK), await open(ASK)]
  for (const socket of sockets) t.equal(await statusOf(socket), '200')
  await ended(await open())
  t.same(sockets.map(({ destroyed }) => destroyed), [false, false])

  for (const address of ['127.0.0.1', '127.0.0.2']) {
    const gone = ended(sockets.shift()!)
    const next = await open(ASK, address)
    t.equal(await statusOf(next), '200')
    await gone
    sockets.push(next)
    t.equal(await count(), 2)
  }
})

t.test('one is told of at once, and of those that follow together', async t => {
  const { open, lines } = await listen(t, 1)
  for (let index = 0; index < 5; index++) t.equal(await statusOf(await open(ASK, `127.0.0.${index + 2}`)), '200')
  t.match(lines.filter(({ level }) => level === 'warn').filter(({ count }) => count !== undefined), [{ count: 1, msg: /connections were closed/ }])
})

t.test('closing ends at once the connections without a request, and soon the others', async t => {
  const { app, open, count } = await listen(t, 10)
  const sockets = [await open(), await open(HEAD.slice(0, 40)), await open(`${HEAD}{`)]
  await until(async () => await count() === 3)
  const gone = sockets.map(ended)
  await app.close()
  await Promise.all(gone)
  t.same(sockets.map(({ destroyed }) => destroyed), [true, true, true])
})

/** A server, and sockets of which only the addresses matter; each has asked for something and been answered. */
function places (most: number, trustedProxies: string[] = []) {
  const server = new EventEmitter()
  const connections = new ConnectionPlaces({ most, trustedProxies, log: createLogger('silent', { write () {} }) })
  connections.watch(server as Server)
  let port = 0
  const open = (remoteAddress: string) => {
    const socket = Object.assign(new EventEmitter(), { remoteAddress, remotePort: ++port, localAddress: '192.0.2.1', destroyed: false, bytesRead: 0, destroy () { this.destroyed = true } })
    server.emit('connection', socket)
    const response = Object.assign(new EventEmitter(), { writableEnded: false, req: { complete: true } })
    server.emit('request', { socket }, response)
    response.emit('close')
    return socket
  }
  return { connections, server, open }
}

const alive = (sockets: Array<{ destroyed: boolean }>) => sockets.filter(({ destroyed }) => !destroyed).length

t.test('one client has at most a quarter of all places', async t => {
  for (const addressOf of [() => '203.0.113.5', () => '::ffff:203.0.113.5', (index: number) => `2001:db8::${index}`]) {
    const { open } = places(20)
    const sockets = Array.from({ length: 30 }, (_, index) => open(addressOf(index)))
    t.equal(alive(sockets), 5)
    t.notOk(sockets.at(-1)!.destroyed)
    t.notOk(open('203.0.113.6').destroyed)
    t.equal(alive(sockets), 5)
  }
})

t.test('a trusted proxy, and this machine, may have all; then they give way to another client', async t => {
  for (const address of ['10.1.2.3', '127.0.0.1', '::1', 'fd00::7']) {
    const { open } = places(20, ['10.1.0.0/16', 'fd00::7'])
    const sockets = Array.from({ length: 20 }, () => open(address))
    t.equal(alive(sockets), 20, address)
    t.notOk(open('203.0.113.6').destroyed)
    t.equal(alive(sockets), 19, address)
  }
})

t.test('an error while it listens, such as of a connection that cannot be accepted, ends nothing', async t => {
  const { server } = places(20)
  t.throws(() => server.emit('error', new Error('EADDRINUSE')), 'before, it is for whoever makes it listen')
  server.emit('listening')
  t.doesNotThrow(() => server.emit('error', new Error('EMFILE')))
})
