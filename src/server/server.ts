import type { Server as TlsServer } from 'node:https'
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { networkOf } from '../auth/address.js'
import { GatewayError } from '../errors.js'
import { limitAnonymous } from './anonymous-limit.js'
import { authenticateRequests, credentialsOf, mayStillCall, originOf, type Authentication } from './authentication.js'
import { limitBacklog, MOST_WAITING, refuseBacklog } from './backlog-limit.js'
import { Budget } from './budget.js'
import { clientAddresses, findClientAddress } from './client-address.js'
import { refuseWhileClosing } from './closing.js'
import { goneOf } from './connection.js'
import { ConnectionPlaces } from './connection-places.js'
import { serveConnections } from './connections.js'
import { isOwn, toFailure } from './failure.js'
import type { Gate } from './gate.js'
import { healthRoutes } from './health.js'
import { createListener, LIMITS, type Limits } from './listener.js'
import { shedLoad } from './load-shedding.js'
import { OpenStreams } from './open-streams.js'
import { keyOf, limitRate } from './rate-limit.js'
import { renderRefusal, sendRefusal } from './refusals.js'
import { requestIdOf } from './request-id.js'
import { logFailure, logRequest, logRequests } from './request-log.js'
import { securityHeaders } from './security-headers.js'
import { followTls, readTls, type TlsFiles } from './tls.js'
import type { Edge, Transport } from './transport.js'

export interface ServerSettings {
  /** Without it the server speaks plain HTTP. */
  readonly tls?: TlsFiles | undefined
  /** Addresses and networks of proxies whose `X-Forwarded-For`, or else `Forwarded`, is believed. */
  readonly trustedProxies?: readonly string[]
  /** Of each caller; 0, or left out, is no limit. */
  readonly requestsPerMinute?: number
  readonly limits?: Limits
}

export interface ServerOptions extends ServerSettings {
  /** The last owns what no other does. */
  readonly transports: readonly Transport[]
  readonly authentication: Authentication
  /** Resolves where the gateway can do its work now. */
  readonly ready: () => Promise<void>
  readonly log: Logger
}

/** A server of HTTP, and what other listeners have in common with it. */
export interface Server {
  readonly http: FastifyInstance
  readonly gate: Gate
}

/**
 * The edge of the gateway: all that is the same whatever a request is for, around `transports`. The caller listens and closes.
 * @throws {GatewayError} that says what is wrong with the files of `tls`
 */
export async function createServer (options: ServerOptions): Promise<Server> {
  const { transports, authentication, ready, log, tls, trustedProxies = [], requestsPerMinute = 0, limits = LIMITS } = options
  const secure = tls && readTls(tls)
  const headers = securityHeaders(secure !== undefined)
  const backlog = new Budget(MOST_WAITING)
  const refusal = renderRefusal(transports, log, headers)
  const app = fastify({
    // What it says by itself at info, where it listens, `ready` says once.
    loggerInstance: log.child({}, { level: log.level === 'info' ? 'warn' : log.level }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // Every request's own lines carry its id themselves; a child logger for each would cost more than the line.
    childLoggerFactory: logger => logger,
    genReqId: requestIdOf,
    requestIdHeader: false,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1024 },
    frameworkErrors: (error, request, reply) => {
      sendRefusal(transports, request, reply.headers(headers), toFailure(error))
      logRequest(log, request, reply)
    },
    // Fastify would tell one of its servers, and `localhost` can be two.
    clientErrorHandler () {},
    serverFactory: serve => serveConnections(createListener(limits, secure), { serve, backlog, refusal, held: 0 }),
    // Only names the scheme of the address that it says it listens at: the server is made above.
    ...(secure && { https: {} })
  })
  const places = new ConnectionPlaces({ most: limits.connections, trustedProxies, log })
  places.watch(app.server)
  if (tls && secure) followTls(app.server as TlsServer, tls, secure, log)

  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id).headers(headers)
    const hasHost = request.headers.host !== undefined || request.raw.httpVersion === '1.0'
    done(hasHost ? undefined : new GatewayError('invalid_argument', 'a request needs a Host header'))
  })
  const addressOf = clientAddresses(trustedProxies)
  findClientAddress(app, addressOf)
  refuseWhileClosing(app, places, limits.closing)
  const overload = shedLoad(app, limits.loopDelay)
  logRequests(app, log)
  const limitAddress = await limitAnonymous(app)
  const limit = async (request: FastifyRequest) => {
    await limitAddress(request.ip)
    refuseBacklog(request, backlog, networkOf(request.ip))
  }
  const limitCallers = await limitRate(app, requestsPerMinute)
  app.setErrorHandler((error, request, reply) => {
    const failure = toFailure(error)
    if (isForNobody(request, failure)) {
      reply.hijack()
      return
    }
    sendRefusal(transports, request, reply, failure)
    if (isOwn(failure)) logFailure(log, request.id, request.routeOptions?.url, failure)
    return reply
  })

  const streams = new OpenStreams()
  app.addHook('preClose', async () => streams.close())
  const edge: Edge = {
    protect (routes) {
      authenticateRequests(routes, authentication)
      limitBacklog(routes, backlog, ({ origin }) => keyOf(origin.caller))
      if (limitCallers !== undefined) routes.addHook('onRequest', ({ origin }) => limitCallers(origin.caller))
    },
    limitAnonymous: limit,
    mayStillCall: request => mayStillCall(authentication, credentialsOf(request), request.origin.caller),
    streams,
    failed (request, failure) {
      request.failureCode = failure.code
      if (isOwn(failure)) logFailure(log, request.id, request.routeOptions?.url, failure)
    }
  }
  for (const transport of transports) await transport.register(app, edge)
  await app.register(healthRoutes, { ready, limit })
  const gate: Gate = {
    limits,
    places,
    backlog,
    addressOf,
    overload,
    streams,
    originOf: shown => originOf(authentication, shown),
    mayStillCall: (shown, caller) => mayStillCall(authentication, shown, caller),
    limitCaller: caller => limitCallers?.(caller),
    limitAnonymous: limitAddress
  }
  return { http: app, gate }
}

/** Whether the client has gone away, before its body ended or before what it asked for began: then nothing is wrong here. */
function isForNobody ({ raw }: FastifyRequest, failure: GatewayError): boolean {
  if (raw.destroyed && !raw.complete) return true
  return failure.code === 'aborted' && goneOf({ raw })?.aborted === true
}
