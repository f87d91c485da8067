import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Logger } from 'pino'
import { bareAddress, inNetworks, networkOf } from '../auth/address.js'
import { isLoopback } from '../auth/loopback.js'
import { seldom } from './seldom.js'

/** Of all places, those of one client. */
const SHARE = 1 / 4
/** A client's connection that was answered less long ago is in use: it does not give way to another of that client. */
const IN_USE_MS = 1_000
const TELL_EVERY_MS = 10_000

interface Connection {
  /** Over TLS, when its handshake is done, what is in it. */
  socket: Socket
  readonly client: Client
  /** What is not answered yet, in order. */
  readonly pending: ServerResponse[]
  answeredAt: number
}

interface Client {
  readonly most: number
  /** Those that have something to answer or were never answered, in the order in which that began. */
  readonly busy: Set<Connection>
  /** Those that are kept for another request, in the order of their last answer. */
  readonly idle: Set<Connection>
}

export interface PlacesOptions {
  /** Of all clients. */
  readonly most: number
  /** Addresses and networks that many clients come through. */
  readonly trustedProxies: readonly string[]
  readonly log: Logger
}

/**
 * Has a place for each new connection of `server`: where all are taken, one is closed that waits for its client, of the
 * client with most connections. Only where there is none such the new one is closed. One client has at most a quarter
 * of all places; this machine and trusted proxies, whom many come through, may have all.
 */
export class Places {
  readonly #most: number
  readonly #isShared: (address: string) => boolean
  readonly #clients = new Map<string, Client>()
  readonly #bySocket = new WeakMap<Socket, Connection>()
  readonly #byPeer = new Map<string, Connection>()
  readonly #tellClosed: () => void
  #count = 0

  constructor (server: Server, { most, trustedProxies, log }: PlacesOptions) {
    this.#most = most
    this.#isShared = inNetworks(trustedProxies)
    this.#tellClosed = seldom(TELL_EVERY_MS, count => log.warn({ count }, 'connections were closed: there were too many of one client, or of all'))
    const tellFailed = seldom(TELL_EVERY_MS, count => log.warn({ count }, 'connections could not be accepted'))

    server.on('connection', (socket: Socket) => this.#add(socket))
    server.on('secureConnection', (socket: TLSSocket) => this.#secured(socket))
    server.on('request', (request, response) => this.#begin(request, response))
    server.on('checkContinue', (request, response) => this.#begin(request, response))
    server.on('checkExpectation', (request, response) => this.#begin(request, response))
    // Before it listens, an error is for whoever wants it to.
    server.once('listening', () => server.on('error', tellFailed))
  }

  /** Closes the connections on which nothing was sent. */
  closeUnused (): void {
    for (const { socket } of this.#all()) if (socket.bytesRead === 0) socket.destroy()
  }

  closeAll (): void {
    for (const { socket } of this.#all()) socket.destroy()
  }

  #all (): Connection[] {
    return [...this.#clients.values()].flatMap(({ busy, idle }) => [...busy, ...idle])
  }

  #add (socket: Socket): void {
    const address = bareAddress(socket.remoteAddress ?? '') ?? ''
    const isShared = isLoopback(address) || this.#isShared(address)
    const name = isShared ? address : networkOf(address)
    const client = this.#clients.get(name) ?? { most: isShared ? Infinity : Math.ceil(this.#most * SHARE), busy: new Set(), idle: new Set() }
    if (!this.#makeRoom(client)) {
      socket.destroy()
      return
    }
    const connection: Connection = { socket, client, pending: [], answeredAt: 0 }
    const peer = peerOf(socket)
    client.busy.add(connection)
    this.#count++
    this.#clients.set(name, client)
    this.#bySocket.set(socket, connection)
    this.#byPeer.set(peer, connection)
    socket.once('close', () => {
      this.#remove(connection)
      if (this.#byPeer.get(peer) === connection) this.#byPeer.delete(peer)
      if (sizeOf(client) === 0 && this.#clients.get(name) === client) this.#clients.delete(name)
    })
  }

  /** The connection of what is in a TLS connection cannot be asked for, but has the same peer. */
  #secured (socket: TLSSocket): void {
    const connection = this.#byPeer.get(peerOf(socket))
    if (connection === undefined) return
    connection.socket = socket
    this.#bySocket.set(socket, connection)
  }

  #begin ({ socket }: IncomingMessage, response: ServerResponse): void {
    const connection = this.#bySocket.get(socket)
    if (connection === undefined) return
    const { client: { busy, idle }, pending } = connection
    if (pending.length === 0 && (idle.delete(connection) || busy.delete(connection))) busy.add(connection)
    pending.push(response)
    response.once('close', () => {
      pending.splice(pending.indexOf(response), 1)
      if (pending.length > 0 || !busy.delete(connection)) return
      connection.answeredAt = performance.now()
      idle.add(connection)
    })
  }

  /** Whether `client` may have one more connection now. */
  #makeRoom (client: Client): boolean {
    const from = sizeOf(client) >= client.most ? client : this.#count >= this.#most ? this.#largest(client) : undefined
    if (from === undefined) return true
    const victim = waitingOf(from, from === client)
    this.#tellClosed()
    if (victim === undefined) return false
    this.#remove(victim)
    victim.socket.destroy()
    return true
  }

  #largest (client: Client): Client {
    let largest = client
    for (const other of this.#clients.values()) if (sizeOf(other) > sizeOf(largest)) largest = other
    return largest
  }

  #remove (connection: Connection): void {
    const { client: { busy, idle } } = connection
    if (busy.delete(connection) || idle.delete(connection)) this.#count--
  }
}

/** The connection of `client` that waits for the client since longest. */
function waitingOf ({ busy, idle }: Client, isItsOwn: boolean): Connection | undefined {
  for (const connection of busy) if (isWaiting(connection)) return connection
  const [connection] = idle
  const inUse = connection !== undefined && isItsOwn && performance.now() - connection.answeredAt < IN_USE_MS
  return inUse ? undefined : connection
}

/** Whether it is the client's turn: to send a request or the rest of one, or to read an answer. */
const isWaiting = ({ pending: [response] }: Connection) => response === undefined || response.writableEnded || !response.req.complete

const sizeOf = ({ busy, idle }: Client) => busy.size + idle.size

const peerOf = ({ remoteAddress, remotePort, localAddress }: Socket) => `${remoteAddress} ${remotePort} ${localAddress}`
