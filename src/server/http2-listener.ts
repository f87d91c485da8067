import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import type { Logger } from 'pino'
import type { ConnectionPlaces } from './connection-places.js'
import type { Limits } from './listener.js'
import { followTls, readTls, type TlsFiles } from './tls.js'

export interface Http2ListenerOptions {
  readonly tls?: TlsFiles | undefined
  readonly limits: Limits
  readonly places: ConnectionPlaces
  readonly log: Logger
  /** Is given each connection: over TLS, what is in it. */
  readonly accept: (socket: Socket) => void
}

// A name may have an address of IPv6 where there is none.
const NOT_OF_THIS_MACHINE: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT'])

/** Takes connections for HTTP/2: plain, or over TLS alone; `localhost` is all its addresses. */
export class Http2Listener {
  readonly #options: Http2ListenerOptions
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()

  constructor (options: Http2ListenerOptions) {
    this.#options = options
  }

  /** Answers host and port, as a client is told of them. Rejects with Node's error where the system lets it not listen. */
  async listen ({ host, port }: { readonly host: string, readonly port: number }): Promise<string> {
    const addresses = host === 'localhost' ? (await lookup(host, { all: true })).map(({ address }) => address) : [host]
    let bound = port
    for (const address of addresses) {
      const server = this.#create()
      try {
        bound = await listening(server, address, bound)
        this.#servers.push(server)
      } catch (error) {
        server.close()
        const isNeeded = this.#servers.length === 0 && address === addresses.at(-1)
        if (isNeeded || !NOT_OF_THIS_MACHINE.has((error as NodeJS.ErrnoException).code!)) throw error
      }
    }
    return `${host.includes(':') ? `[${host}]` : host}:${bound}`
  }

  /** Takes no more; those that are there go on. */
  close (): void {
    for (const server of this.#servers) server.close()
  }

  /** Lets go of all connections, whatever is on them. */
  destroyAll (): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #create (): Server {
    const { tls, limits, places, log, accept } = this.#options
    const secure = tls && readTls(tls)
    const server = secure === undefined
      ? createServer({ noDelay: true })
      : createTlsServer({ ...secure, ALPNProtocols: ['h2'], handshakeTimeout: limits.headersTimeout })
    places.watch(server)
    if (tls && secure) followTls(server as TlsServer, tls, secure, log)
    return server.on(secure === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      // What goes wrong ends it, and with it what is on it.
      socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket))
      this.#sockets.add(socket)
      accept(socket)
    })
  }
}

async function listening (server: Server, host: string, port: number): Promise<number> {
  server.listen({ host, port })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
