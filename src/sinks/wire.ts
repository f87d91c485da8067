import { createSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'

/** A way to a server. */
export interface Wire {
  /** Resolves when the system has all messages; where it rejects, it may have some. Not called while it is at work. */
  send (messages: readonly Buffer[]): Promise<void>
  close (): Promise<void>
}

const CONNECT_MS = 5_000

/** The way to `udp://host:port`, `tcp://host:port` or `unix:///path`. */
export function openWire (url: string): Wire {
  const { protocol, hostname, port, pathname } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol === 'udp:') return datagrams(host, Number(port))
  return stream(() => protocol === 'unix:' ? connect({ path: decodeURIComponent(pathname) }) : connect({ host, port: Number(port) }))
}

function datagrams (host: string, port: number): Wire {
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4' }).unref()
  // Told to whoever sends.
  socket.on('error', () => {})
  const sendOne = (message: Buffer) => new Promise<void>((resolve, reject) =>
    socket.send(message, port, host, error => error ? reject(error) : resolve()))
  return {
    async send (messages) {
      for (const message of messages) await sendOne(message)
    },
    close: () => new Promise(resolve => socket.close(() => resolve()))
  }
}

/** Each message has its length before it (RFC 6587). What the server sends is thrown away. */
function stream (open: () => Socket): Wire {
  let current: Promise<Socket> | undefined
  const connected = () => new Promise<Socket>((resolve, reject) => {
    const socket = open().unref()
    socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error('the connection took too long')))
    socket.once('connect', () => {
      socket.setTimeout(0)
      resolve(socket)
    })
    socket.on('error', reject)
    socket.once('close', () => {
      current = undefined
      reject(new Error('the connection was closed'))
    })
    socket.resume()
  })
  return {
    async send (messages) {
      const socket = await (current ??= connected())
      const frames = messages.flatMap(message => [Buffer.from(`${message.length} `), message])
      await new Promise<void>((resolve, reject) => {
        const lost = () => reject(new Error('the connection was closed'))
        socket.once('close', lost)
        socket.write(Buffer.concat(frames), error => {
          socket.off('close', lost)
          if (error) reject(error)
          else resolve()
        })
      })
    },
    async close () {
      const socket = await current?.catch(() => undefined)
      if (socket === undefined) return
      await new Promise<void>(resolve => {
        socket.once('close', () => resolve())
        socket.end(() => socket.destroy())
      })
    }
  }
}
