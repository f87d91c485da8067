import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { GatewayError } from '../errors.js'
import type { Budget, Holder } from './budget.js'

const MOST_UNANSWERED = 16
// Of all connections. Of each one may always be held: the next can come before the kernel has told that an answer is sent.
const MOST_HELD = 4096
// What is read and thrown away, of a body that was answered before it was in and of what cannot be parsed: a client that
// sends all before it reads would else never see its answer.
const MOST_DISCARDED = 64 * 1024 * 1024
const LINGER_MS = 30_000

const TOO_MANY = new GatewayError(
  'unavailable',
  `this connection has ${MOST_UNANSWERED} requests without an answer, or all have too many; send the next when those are answered`
)

/** What the connections of a server share. */
export interface Traffic {
  readonly serve: RequestListener
  /** The bytes of a refusal, of `request` or of what is none; whoever asks for it sends it. */
  readonly refusal: (failure: GatewayError, request?: IncomingMessage) => string
  /** What waits to be sent. */
  readonly backlog: Budget
  /** How many requests wait for others on their connection. */
  held: number
}

type HttpSocket = Socket & { readonly parser: { onIncoming: (request: IncomingMessage, keepAlive: boolean) => number } }

const connections = new WeakMap<Socket, Connection>()

/** The connection that a request came on; none where it was not sent through a socket. */
export const connectionOf = (socket: Socket): Connection | undefined => connections.get(socket)

/** Aborted when the client of `request` has gone away. */
export const goneOf = ({ raw }: { readonly raw: IncomingMessage }): AbortSignal | undefined => connectionOf(raw.socket)?.gone

const asksToSend = ({ headers, httpVersion }: IncomingMessage) => httpVersion === '1.1' && /\b100-continue\b/i.test(headers.expect ?? '')

/**
 * One connection of a client. Its requests are served one after the other, in the order in which they came, so that none
 * sees the half of what another does, and that a client that reads nothing has one answer waiting. What ends it, such as
 * something that is no HTTP, is told behind the answers to all that came before.
 */
export class Connection implements Holder {
  owner = ''
  readonly #socket: Socket
  readonly #traffic: Traffic
  #current: ServerResponse | undefined
  readonly #held: ServerResponse[] = []
  /** The request that came last, until it is answered and its body is in. */
  #latest: IncomingMessage | undefined
  #abandonBody: (() => void) | undefined
  #refusal: GatewayError | undefined
  #isClosed = false
  #readBefore = 0
  #gone: AbortController | undefined

  /** To be called when Node has made the parser of `socket`, and before it reads anything. */
  static open (socket: Socket, traffic: Traffic): void {
    connections.set(socket, new Connection(socket, traffic))
  }

  private constructor (socket: Socket, traffic: Traffic) {
    this.#socket = socket
    this.#traffic = traffic
    socket.destroySoon = () => this.#closeAnswered()
    // Node itself goes on to the end of the 64 KiB it has read, and keeps some 3 KB for each of thousands of requests in
    // it. This is the one place where parsing can be stopped before.
    const { parser } = socket as HttpSocket
    const { onIncoming } = parser
    parser.onIncoming = (request, keepAlive) => this.#admits() ? onIncoming(request, keepAlive) : -1
  }

  /** Aborted when the client has gone away, or was made to; requests on a connection follow one another, so it is for each of them. */
  get gone (): AbortSignal {
    if (this.#gone === undefined) {
      const gone = this.#gone = new AbortController()
      this.#socket.once('close', () => gone.abort())
      if (this.#socket.destroyed) gone.abort()
    }
    return this.#gone.signal
  }

  /** Serves the request of `response` once those before it are answered. */
  accept (response: ServerResponse): void {
    this.#latest = response.req
    if (this.#current === undefined) return this.#start(response)
    this.#held.push(response)
    this.#traffic.held++
  }

  /**
   * The body of the current request is about to be read: lets a client that asked whether to send it do so. `abandon` is
   * called where no more of it can come, and the request has been answered.
   */
  expectBody (abandon: () => void): void {
    this.#abandonBody = abandon
    if (this.#refusal !== undefined && this.#isInBody) this.#refuse()
    else if (this.#current !== undefined && asksToSend(this.#current.req)) this.#current.writeContinue()
  }

  /** Calls `done` when the current request is answered, or cannot be any more. */
  whenAnswered (done: () => void): void {
    if (this.#current === undefined) done()
    else this.#current.once('close', done)
  }

  /** The body is in, or nobody wants the rest of it. */
  settleBody (): void {
    this.#abandonBody = undefined
  }

  /** Ends the connection with `refusal`: behind the answers to what came before, or in place of one that can have no other. */
  end (refusal: GatewayError): void {
    if (this.#isClosed) return this.#boundDiscarded()
    if (this.#refusal !== undefined) return
    this.#refusal = refusal
    if (this.#current === undefined || this.#isInBody) this.#refuse()
  }

  giveWay (): void {
    this.#traffic.backlog.release(this)
    this.#socket.destroy()
  }

  /** Whether one more request may come in. */
  #admits (): boolean {
    const held = this.#held.length
    if (held + 1 === MOST_UNANSWERED || (held > 0 && this.#traffic.held >= MOST_HELD)) this.end(TOO_MANY)
    return this.#refusal === undefined && !this.#isClosed
  }

  #start (response: ServerResponse): void {
    this.#current = response
    response.on('prefinish', this.#onWritten).on('close', this.#onClose)
    this.#traffic.serve(response.req, response)
  }

  readonly #onWritten = () => {
    const { writableLength } = this.#socket
    if (writableLength > 0) this.#traffic.backlog.hold(this, writableLength)
    const request = this.#current?.req
    if (request === undefined || request.complete) return
    this.#readBefore = this.#socket.bytesRead
    request.on('data', () => { this.#boundDiscarded() })
  }

  readonly #onClose = () => {
    this.#traffic.backlog.release(this)
    this.#current = undefined
    this.#abandonBody = undefined
    if (this.#latest?.complete && this.#held.length === 0) this.#latest = undefined
    if (!this.#socket.writable) {
      this.#traffic.held -= this.#held.length
      this.#held.length = 0
      return
    }
    const next = this.#held.shift()
    if (next !== undefined) {
      this.#traffic.held--
      this.#start(next)
    } else if (this.#refusal !== undefined) this.#refuse()
  }

  /** Whether the current request waits for a body, of which more must come. */
  get #isInBody (): boolean {
    return this.#abandonBody !== undefined && this.#current?.req.complete === false
  }

  #refuse (): void {
    const own = this.#isInBody ? this.#current?.req : undefined
    const isAnswered = own === undefined && this.#latest?.complete === false
    const abandon = this.#abandonBody
    this.#close(isAnswered || !this.#socket.writable ? undefined : this.#traffic.refusal(this.#refusal!, own))
    if (own !== undefined) abandon?.()
  }

  /** Node calls it when it has sent the last answer that it means to send. */
  #closeAnswered (): void {
    // Where the client has sent all, but did not ask for the end, a refusal still comes behind that answer.
    if (this.#isClosed || (this.#refusal !== undefined && this.#current?.shouldKeepAlive === true)) return
    if (this.#refusal === undefined && this.#latest?.complete !== false) Socket.prototype.destroySoon.call(this.#socket)
    else this.#close()
  }

  /** Sends the last, and reads on for a while: closed with something unread, the connection would be reset, and the answer lost. */
  #close (last?: string): void {
    this.#isClosed = true
    this.#readBefore = this.#socket.bytesRead
    const socket = last === undefined ? this.#socket.end() : this.#socket.end(last)
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
    socket.once('close', () => clearTimeout(timer))
  }

  #boundDiscarded (): void {
    if (this.#socket.bytesRead - this.#readBefore > MOST_DISCARDED) this.#socket.destroy()
  }
}
