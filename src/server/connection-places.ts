import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Logger } from 'pino'
import { bareAddress, inNetworks, networkOf } from '../auth/address.js'
import { isLoopback } from '../auth/loopback.js'
import { ClientPlaces, type Connection, type Pending } from './client-places.js'
import { seldom } from './seldom.js'

/** Of all places, those of one client. */
const SHARE = 1 / 4
/** How long one beyond the places may be without a request. */
const PATIENCE_MS = 3_000
const MOST_EXTRA = 64
const TELL_EVERY_MS = 10_000

export interface ConnectionPlacesOptions {
  /** Of all clients. */
  readonly most: number
  /** Addresses and networks that many clients come through. */
  readonly trustedProxies: readonly string[]
  readonly log: Logger
}

/**
 * Has a place for whoever asks, on any connection to the servers that it watches. Where all are taken a new connection gets one
 * by its first request, from one that waits for its client, of the client with most connections. One client has at most a
 * quarter of all places; this machine and trusted proxies, whom many come through, may have all.
 */
export class ConnectionPlaces {
  readonly #most: number
  readonly #isShared: (address: string) => boolean
  readonly #clients = new Map<string, ClientPlaces>()
  readonly #bySocket = new WeakMap<Socket, Connection>()
  readonly #byPeer = new Map<string, Connection>()
  readonly #tellClosed: () => void
  readonly #tellFailed: () => void
  #count = 0

  constructor ({ most, trustedProxies, log }: ConnectionPlacesOptions) {
    this.#most = most
    this.#isShared = inNetworks(trustedProxies)
    this.#tellClosed = seldom(
      TELL_EVERY_MS,
      count => log.warn({ count }, 'connections were closed: there were too many of one client, or of all')
    )
    this.#tellFailed = seldom(TELL_EVERY_MS, count => log.warn({ count }, 'connections could not be accepted'))
  }

  watch (server: Server): void {
    const ofRequest = ({ socket }: IncomingMessage, response: ServerResponse) =>
      // One that has no socket yet is behind another.
      this.begin(socket, response, () => response.socket === null || response.writableEnded || !response.req.complete)
    server.on('connection', (socket: Socket) => this.#add(socket))
    server.on('secureConnection', (socket: TLSSocket) => this.#secured(socket))
    for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, ofRequest)
    // Before it listens, an error is for whoever wants it to.
    server.once('listening', () => server.on('error', this.#tellFailed))
  }

  /** The client at the other end of `socket` has asked for `asked`. */
  begin (socket: Socket, asked: Pending, isWaiting: () => boolean): void {
    const connection = this.#bySocket.get(socket)
    if (connection === undefined) return
    if (connection.patience !== undefined) this.#takePlace(connection)
    connection.client.begin(connection, asked, isWaiting)
  }

  /** Closes the connections on which nothing was sent. */
  closeUnused (): void {
    for (const { socket } of this.#all()) if (socket.bytesRead === 0) socket.destroy()
  }

  closeAll (): void {
    for (const { socket } of this.#all()) socket.destroy()
  }

  #all (): Connection[] {
    return [...this.#clients.values()].flatMap(client => client.all())
  }

  #add (socket: Socket): void {
    const address = bareAddress(socket.remoteAddress ?? '') ?? ''
    const isShared = isLoopback(address) || this.#isShared(address)
    const name = isShared ? address : networkOf(address)
    const client = this.#clients.get(name) ?? new ClientPlaces(isShared ? Infinity : Math.ceil(this.#most * SHARE))
    const giver = this.#giver(client, 1, extraOf)
    if (giver !== undefined && !this.#closeWaiting(giver)) {
      this.#tellClosed()
      socket.destroy()
      return
    }
    const connection: Connection = { socket, client, pending: new Set(), patience: undefined }
    if (this.#giver(client, 1) !== undefined) connection.patience = setTimeout(() => this.#close(connection), PATIENCE_MS).unref()
    const peer = peerOf(socket)
    client.add(connection)
    this.#count++
    this.#clients.set(name, client)
    this.#bySocket.set(socket, connection)
    this.#byPeer.set(peer, connection)
    socket.once('close', () => {
      this.#remove(connection)
      if (this.#byPeer.get(peer) === connection) this.#byPeer.delete(peer)
      if (client.size === 0 && this.#clients.get(name) === client) this.#clients.delete(name)
    })
  }

  /** The connection of what is in a TLS connection cannot be asked for, but has the same peer. */
  #secured (socket: TLSSocket): void {
    const connection = this.#byPeer.get(peerOf(socket))
    if (connection === undefined) return
    connection.socket = socket
    this.#bySocket.set(socket, connection)
  }

  #takePlace (connection: Connection): void {
    clearTimeout(connection.patience)
    connection.patience = undefined
    const giver = this.#giver(connection.client, 0)
    if (giver !== undefined) this.#closeWaiting(giver, connection)
  }

  /** Who has too many, were there `more` of `client` and `extra` places. */
  #giver (client: ClientPlaces, more: number, extra = (_most: number) => 0): ClientPlaces | undefined {
    if (client.size + more > client.most + extra(client.most)) return client
    if (this.#count + more > this.#most + extra(this.#most)) return this.#largest(client)
    return undefined
  }

  #closeWaiting (client: ClientPlaces, except?: Connection): boolean {
    const waiting = client.waiting(except)
    if (waiting !== undefined) this.#close(waiting)
    return waiting !== undefined
  }

  #close (connection: Connection): void {
    this.#tellClosed()
    this.#remove(connection)
    connection.socket.destroy()
  }

  #largest (client: ClientPlaces): ClientPlaces {
    let largest = client
    for (const other of this.#clients.values()) if (other.size > largest.size) largest = other
    return largest
  }

  #remove (connection: Connection): void {
    if (connection.client.remove(connection)) this.#count--
    clearTimeout(connection.patience)
  }
}

/** Beyond `most`, until they ask. */
const extraOf = (most: number) => Math.min(MOST_EXTRA, Math.ceil(most / 8))

const peerOf = ({ remoteAddress, remotePort, localAddress }: Socket) => `${remoteAddress} ${remotePort} ${localAddress}`
