import { create, toBinary, type DescMethod, type DescService } from '@bufbuild/protobuf'
import { once } from 'node:events'
import type { Http2Server } from 'node:http2'
import type { Socket } from 'node:net'
import { promisify } from 'node:util'
import {
  logVerbosity, Server, ServerCredentials, setLogVerbosity, type handleServerStreamingCall, type handleUnaryCall, type MethodDefinition
} from '@grpc/grpc-js'
import type { Logger } from 'pino'
import { GatewayError } from '../../errors.js'
import { Health as HealthService } from '../../gen/grpc/health/v1/health_pb.js'
import type { Operations } from '../../kinds/operations.js'
import type { Bodies } from '../../server/bodies.js'
import type { Gate } from '../../server/gate.js'
import { Http2Listener } from '../../server/http2-listener.js'
import { limitSessions } from '../../server/http2-sessions.js'
import type { TlsFiles } from '../../server/tls.js'
import { decode, MOST_BINARY_BYTES } from '../binary-message.js'
import { askedIn } from '../metadata.js'
import { METHODS, type Method } from '../methods.js'
import { WATCH, watchEvents } from '../watch.js'
import { Call } from './call.js'
import { Door } from './door.js'
import { Health } from './health.js'
import { serveReflection } from './reflection.js'
import { pathOf, routesOf } from './routes.js'

const MINUTE_MS = 60_000
const LAST_WORD_MS = 500
const LIMITS = {
  'grpc.max_receive_message_length': MOST_BINARY_BYTES,
  'grpc.max_concurrent_streams': 100,
  'grpc.max_connection_idle_ms': 5 * MINUTE_MS,
  // So that clients spread anew over the gateways behind a name.
  'grpc.max_connection_age_ms': 30 * MINUTE_MS,
  'grpc.max_connection_age_grace_ms': MINUTE_MS,
  'grpc.keepalive_time_ms': MINUTE_MS,
  'grpc.keepalive_timeout_ms': 20_000,
  // Counts and names all connections, for a service that is not offered.
  'grpc.enable_channelz': 0
}

export interface GrpcOptions {
  readonly tls?: TlsFiles | undefined
  /** Resolves where the gateway can do its work now. */
  readonly ready: () => Promise<void>
  readonly log: Logger
}

export interface Grpc {
  /** Serves from now on. Answers host and port. */
  listen (at: { readonly host: string, readonly port: number }): Promise<string>
  /** Takes no more, lets what runs end, and after a while ends it. */
  close (): Promise<void>
}

const SERVICES: readonly DescService[] = [...new Set(METHODS.map(({ descriptor }) => descriptor.parent))]

/** gRPC: the operations by the services of the protos, on a port of its own. */
export function createGrpc (operations: Operations, bodies: Bodies, gate: Gate, { tls, ready, log }: GrpcOptions): Grpc {
  // It would print what it cannot read of headers, tokens among it.
  setLogVerbosity(logVerbosity.NONE)
  const health = new Health(SERVICES.map(({ typeName }) => typeName), ready)
  const door = new Door(gate, bodies, routesOf(health, gate.limits, log))

  const server = new Server({ ...LIMITS, interceptors: [door.interceptor] })
  for (const service of SERVICES) {
    const methods = METHODS.filter(({ descriptor }) => descriptor.parent === service)
    server.addService(
      Object.fromEntries([
        ...methods.map(({ descriptor }) => [descriptor.localName, definitionOf(descriptor)]),
        ...service === WATCH.parent ? [[WATCH.localName, definitionOf(WATCH)]] : []
      ]),
      Object.fromEntries([
        ...methods.map(method => [method.descriptor.localName, handlerOf(method, operations)]),
        ...service === WATCH.parent ? [[WATCH.localName, watchHandler(operations, gate)]] : []
      ])
    )
  }
  health.addTo(server)
  serveReflection(server, [...SERVICES, HealthService])

  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const http2 = http2Of(server)
  let current: Socket
  limitSessions(http2, gate.limits)
  door.guard(http2, () => current)
  const accept = (socket: Socket) => {
    current = socket
    injector.injectConnection(socket)
  }
  const listener = new Http2Listener({ tls, limits: gate.limits, places: gate.places, log, accept })

  return {
    listen: at => listener.listen(at),
    async close () {
      listener.close()
      health.close()
      door.close()
      const closed = promisify(server.tryShutdown.bind(server))()
      injector.drain(gate.limits.closing)
      // It lets a client have the last word, and one that is frozen never says it.
      const timer = setTimeout(() => listener.destroyAll(), gate.limits.closing + LAST_WORD_MS)
      await closed
      clearTimeout(timer)
    }
  }
}

/** What it serves with, which it keeps to itself: it has no limits of its own for headers and pings, and no place before a call. */
const http2Of = (server: Server): Http2Server =>
  [...(server as unknown as { http2Servers: Map<Http2Server, unknown> }).http2Servers.keys()][0]!

const asIs = (bytes: Buffer) => bytes

/** Messages pass as they are: where the library reads one that is none, it says that the gateway failed. */
const definitionOf = (descriptor: DescMethod): MethodDefinition<Buffer, Buffer> => ({
  path: pathOf(descriptor),
  requestStream: false,
  responseStream: descriptor.methodKind === 'server_streaming',
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs
})

const handlerOf = ({ descriptor: { input, output }, run }: Method, operations: Operations): handleUnaryCall<Buffer, Buffer> =>
  (unary, respond) => {
    const call = Call.of(unary.metadata)
    if (call.isOver) return
    const answer = async () => {
      call.room.grow(unary.request.length)
      const message = await run(operations, decode(input, unary.request), askedIn(call), call.signal)
      const { buffer, byteOffset, byteLength } = toBinary(output, create(output, message))
      call.answers(byteLength)
      unary.sendMetadata(call.metadata())
      respond(null, Buffer.from(buffer, byteOffset, byteLength), call.metadata())
    }
    answer().catch((error: unknown) => call.refuse(GatewayError.from(error)))
  }

const watchHandler = (operations: Operations, { streams }: Gate): handleServerStreamingCall<Buffer, Buffer> => stream => {
  const call = Call.of(stream.metadata)
  if (call.isOver) return
  const { origin, signal, mayStillCall } = call
  const answer = async () => {
    stream.sendMetadata(call.metadata())
    for await (const event of watchEvents(operations, decode(WATCH.input, stream.request), { origin, signal, mayStillCall, streams })) {
      const { buffer, byteOffset, byteLength } = toBinary(WATCH.output, create(WATCH.output, event))
      if (!stream.write(Buffer.from(buffer, byteOffset, byteLength))) await drained(stream, signal)
    }
    stream.end(call.metadata())
  }
  answer().catch((error: unknown) => call.refuse(GatewayError.from(error)))
}

/** Resolves when the client has taken enough for more, or is gone. */
const drained = (stream: Parameters<handleServerStreamingCall<Buffer, Buffer>>[0], signal: AbortSignal): Promise<unknown> =>
  once(stream, 'drain', { signal }).catch(() => {})
