import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Test } from 'tap'

export type Way = 'open' | 'refused' | 'silent'

/** A way to a port of the loopback that a test can cut: connections are refused, or nothing that is sent arrives. */
export async function startProxy (t: Test, port: number) {
  const sockets = new Set<Socket>()
  let way: Way = 'open'
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
  }
  const server = createServer(near => {
    keep(near)
    if (way === 'refused') return near.destroy()
    if (way === 'silent') return near.pause()
    const far = connect(port, '127.0.0.1')
    keep(far)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.on('data', data => { if (way === 'open') far.write(data) })
    far.on('data', data => { if (way === 'open') near.write(data) })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    set (next: Way) {
      // What was swallowed is missing for ever.
      if (next !== 'silent') for (const socket of sockets) socket.destroy()
      way = next
    }
  }
}
