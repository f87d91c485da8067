import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { Metadata, status, type ServerInterceptingCallInterface } from '@grpc/grpc-js'
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc'
import type { Logger } from 'pino'
import { systemClock } from '../../clock.js'
import type { GatewayError } from '../../errors.js'
import type { Origin } from '../../resource/call.js'
import type { Room } from '../../server/bodies.js'
import type { Budget, Holder } from '../../server/budget.js'
import { isOwn } from '../../server/failure.js'
import { requestIdOf } from '../../server/request-id.js'
import { logFailure, rounded } from '../../server/request-log.js'
import { toConnectError } from '../failure.js'
import { isGrpc } from './headers.js'
import { failureOfLibrary, statusOf } from './status.js'

/** What can be called, and how it is guarded. */
export interface Route {
  readonly path: string
  /** Whether it needs no credentials. */
  readonly isOpen: boolean
  /** Whether it is for its answer alone. */
  readonly isRead: boolean
  /** Who sends one message: both, the client, or neither. What is not unary goes on until its client ends it. */
  readonly kind: 'unary' | 'watch' | 'duplex'
  /** Of all that its client sends. */
  readonly mostBytes: number
  readonly log: Logger
  /** Is called before the call goes on. */
  prepare? (call: Call): Promise<void> | void
}

type Library = Pick<ServerInterceptingCallInterface, 'sendStatus'>

const CALL = 'ectx-call'

/** One call, from its headers to its end: who makes it, what it holds, and the one place where it is refused. */
export class Call implements Holder {
  owner = ''
  origin!: Origin
  /** Asks whether who calls would still be let in. */
  mayStillCall!: () => Promise<boolean>
  readonly id: string
  readonly began = systemClock.monotonic()
  /** What is held for what it sends; nothing for what is so small that nobody counts it. */
  room: Room = { grow () {}, release () {} }
  readonly #backlog: Budget
  readonly #gone = new AbortController()
  #library: Library | undefined
  /** By its name. */
  #outcome: string | undefined
  #isAnswered = false
  #unread = { bytes: 0, since: 0 }

  constructor (readonly route: Route, readonly stream: ServerHttp2Stream, readonly headers: IncomingHttpHeaders, backlog: Budget) {
    this.id = requestIdOf({ headers })
    this.#backlog = backlog
    // What goes wrong with it closes it.
    stream.on('error', () => {}).once('close', () => this.#end())
  }

  /** The call that the library's `metadata` came with. */
  static of (metadata: Metadata): Call {
    return metadata.getOpaque(CALL) as Call
  }

  /** Aborted when its client does not wait for it any more. */
  get signal (): AbortSignal {
    return this.#gone.signal
  }

  get isOver (): boolean {
    return this.#outcome !== undefined || this.stream.destroyed
  }

  /** Whether it is the client's turn: to send the rest of it, or to read the answer. */
  get isWaiting (): boolean {
    return this.isOver || this.#isAnswered || !this.stream.readableEnded
  }

  /** What goes before and behind its answer. */
  metadata (): Metadata {
    const metadata = new Metadata()
    metadata.set('x-request-id', this.id)
    return metadata
  }

  /** The library has it from here on; `library` is how it answers. What it refuses by itself is told in our words. */
  enter (library: Library): void {
    const sendStatus = library.sendStatus.bind(library)
    this.#library = { sendStatus }
    library.sendStatus = answer => {
      if (answer.code !== status.OK) return this.refuse(failureOfLibrary(answer.code ?? status.UNKNOWN))
      this.#outcome ??= 'ok'
      sendStatus(answer)
    }
  }

  mark (metadata: Metadata): void {
    metadata.setOpaque(CALL, this)
  }

  /** So many bytes are on their way to the client. */
  answers (bytes: number): void {
    this.#isAnswered = true
    if (bytes > 0) this.#backlog.hold(this, bytes)
  }

  /** Whether nothing of its answer was read for `milliseconds`, as of `now`. It must be asked now and then. */
  isUnread (now: number, milliseconds: number): boolean {
    const bytes = this.stream.writableLength
    if (bytes === 0 || bytes !== this.#unread.bytes) this.#unread = { bytes, since: now }
    return now - this.#unread.since >= milliseconds
  }

  giveWay (): void {
    this.#backlog.release(this)
    this.stream.close(constants.NGHTTP2_CANCEL)
  }

  refuse (failure: GatewayError): void {
    if (this.isOver) return
    this.#outcome = failure.code
    this.#gone.abort()
    if (isOwn(failure)) logFailure(this.route.log, this.id, undefined, failure)
    // Who has not sent all need not: nobody reads it.
    this.stream.once('finish', () => { if (!this.stream.readableEnded) this.stream.close(constants.NGHTTP2_NO_ERROR) })
    const trailers = setTrailerStatus(new Headers({ 'x-request-id': this.id }), toConnectError(failure, this.id))
    if (this.#library === undefined) {
      const headers = { ':status': isGrpc(this.headers) ? 200 : 415, 'content-type': 'application/grpc+proto' }
      this.stream.respond({ ...headers, ...Object.fromEntries(trailers) }, { endStream: true })
      this.stream.resume()
    } else this.#library.sendStatus(statusOf(failure.message, trailers))
  }

  #end (): void {
    this.#backlog.release(this)
    this.room.release()
    if (this.#outcome === undefined) this.#gone.abort()
    const { route: { log }, id, began } = this
    log.info({ request_id: id, code: this.#outcome ?? 'cancelled', duration_ms: rounded(systemClock.monotonic() - began) }, 'request')
  }
}
