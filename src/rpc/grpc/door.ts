import { constants, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { ResponderBuilder, ServerInterceptingCall, ServerListenerBuilder, type ServerInterceptor } from '@grpc/grpc-js'
import { systemClock } from '../../clock.js'
import { GatewayError } from '../../errors.js'
import { assertRead } from '../../server/backlog-limit.js'
import type { Bodies } from '../../server/bodies.js'
import { CLOSING } from '../../server/closing.js'
import { HttpFailure } from '../../server/failure.js'
import type { Gate } from '../../server/gate.js'
import { keyOf } from '../../server/rate-limit.js'
import { Streams } from '../../server/streams.js'
import { lateFailure } from '../failure.js'
import { Call, type Route } from './call.js'
import { isGrpc, isLocal, timeoutOf } from './headers.js'
import { watchIncoming } from './incoming.js'

type Serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

/** No connection lives that long, and more is more than a timer can wait. */
const LONGEST_MS = 24 * 3_600_000

/**
 * Stands between the library and the HTTP/2 under it, where the library has no place for it: a call is admitted before anything
 * but its headers is read, and held to the limits of REST.
 */
export class Door {
  readonly #gate: Gate
  readonly #bodies: Bodies
  readonly #routeOf: (path: string) => Route
  readonly #sockets = new WeakMap<ServerHttp2Session, Socket>()
  readonly #open = new Set<Call>()
  readonly #streams = new Streams()
  readonly #timer: NodeJS.Timeout
  #entering: Call | undefined
  #isClosing = false

  constructor (gate: Gate, bodies: Bodies, routeOf: (path: string) => Route) {
    this.#gate = gate
    this.#bodies = bodies
    this.#routeOf = routeOf
    this.#timer = setInterval(() => this.#look(), gate.limits.checkEvery).unref()
  }

  /** The library asks it first of each call, in the same tick in which it is given the call's stream. */
  readonly interceptor: ServerInterceptor = (_method, library) => {
    const call = this.#entering!
    call.enter(library)
    const listener = new ServerListenerBuilder().withOnReceiveMetadata((metadata, next) => {
      call.mark(metadata)
      next(metadata)
    }).build()
    return new ServerInterceptingCall(library, new ResponderBuilder().withStart(next => next(listener)).build())
  }

  /** Stands before what `http2` gives to the library. `currentSocket` answers the connection that a new session is on. */
  guard (http2: Http2Server, currentSocket: () => Socket): void {
    http2.on('session', session => this.#sockets.set(session, currentSocket()))
    const [serve] = http2.listeners('stream') as [Serve]
    http2.removeListener('stream', serve).on('stream', (stream: ServerHttp2Stream, headers) => {
      const call = new Call(this.#routeOf(String(headers[':path'])), stream, headers, this.#gate.backlog)
      this.#open.add(call)
      stream.once('close', () => this.#open.delete(call))
      this.#admit(call).then(() => this.#enter(call, serve)).catch((error: unknown) => call.refuse(GatewayError.from(error)))
    })
  }

  /** Ends what would go on until its client ends it; what else runs is left to end. */
  close (): void {
    this.#isClosing = true
    clearInterval(this.#timer)
    for (const call of this.#open) if (call.route.kind !== 'unary') call.refuse(CLOSING)
  }

  async #admit (call: Call): Promise<void> {
    const { headers, route, stream } = call
    const socket = this.#sockets.get(stream.session as ServerHttp2Session)!
    this.#gate.places.begin(socket, stream, () => call.isWaiting)
    if (!isGrpc(headers)) {
      throw new HttpFailure(415, 'invalid_argument', 'this port is for gRPC: a POST of application/grpc; REST and Connect have another')
    }
    if (this.#isClosing) throw CLOSING
    const overload = this.#gate.overload()
    if (overload !== undefined) throw overload
    const remoteAddress = this.#gate.addressOf({ socket, headers })
    if (route.isOpen) {
      await this.#gate.limitAnonymous(remoteAddress)
      if (route.kind !== 'unary') this.#streams.take(stream, remoteAddress)
    } else {
      const { authorization } = headers
      const shown = {
        ...(authorization !== undefined && { authorization }),
        requestId: call.id,
        ...(remoteAddress !== '' && { remoteAddress }),
        isLocal: () => isLocal(socket, headers)
      }
      call.origin = await this.#gate.originOf(shown)
      const { caller } = call.origin
      call.mayStillCall = this.#gate.mayStillCall(shown, caller)
      call.owner = keyOf(caller)
      await this.#gate.limitCaller(caller)
      if (route.isRead) assertRead(this.#gate.backlog, call.owner)
    }
    await route.prepare?.(call)
  }

  #enter (call: Call, serve: Serve): void {
    const { stream, headers, route } = call
    if (call.isOver) return
    const left = timeoutOf(headers) - (systemClock.monotonic() - call.began)
    if (left <= 0) throw lateFailure()
    if (left > LONGEST_MS) delete headers['grpc-timeout']
    else headers['grpc-timeout'] = `${Math.ceil(left)}m`
    // As the library wants it written.
    headers['content-type'] = 'application/grpc'
    if (!route.isOpen) call.room = this.#bodies.room(failure => call.refuse(failure))
    watchIncoming(call)
    this.#entering = call
    serve(stream, headers)
  }

  /** Lets go of clients that are too slow. */
  #look (): void {
    const now = systemClock.monotonic()
    const { requestTimeout, idleTimeout } = this.#gate.limits
    for (const call of this.#open) {
      const { route: { kind }, stream } = call
      if (kind !== 'duplex' && !stream.readableEnded && now - call.began >= requestTimeout) {
        call.refuse(new HttpFailure(408, 'deadline_exceeded', 'the request did not arrive in time'))
      }
      if (call.isUnread(now, idleTimeout)) stream.close(constants.NGHTTP2_CANCEL)
    }
  }
}
