import type { Server as TlsServer } from 'node:https'
import swagger from '@fastify/swagger'
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Operations } from '../execution-context/operations.js'
import { GatewayError } from '../errors.js'
import { limitAnonymous } from './anonymous-limit.js'
import { authenticateRequests, type Authentication } from './authentication.js'
import { auditRoutes } from './audit-routes.js'
import { limitBacklog, MOST_WAITING } from './backlog-limit.js'
import { parseBodies } from './body-parser.js'
import { Budget } from './budget.js'
import { findClientAddress } from './client-address.js'
import { refuseWhileClosing } from './closing.js'
import { serveConnections } from './connections.js'
import { Places } from './places.js'
import { docs } from './docs.js'
import { executionContextRoutes } from './execution-context-routes.js'
import { healthRoutes } from './health-routes.js'
import { home } from './home.js'
import { createListener, LIMITS, type Limits } from './listener.js'
import { shedLoad } from './load-shedding.js'
import { documentOptions, sharedSchemas } from './openapi.js'
import { sendProblem, toFailure } from './problem.js'
import { refuseMalformedQueries } from './query.js'
import { keyOf, limitRate } from './rate-limit.js'
import { requestIdOf } from './request-id.js'
import { logFailure, logRequest, logRequests } from './request-log.js'
import { securityHeaders } from './security-headers.js'
import { followTls, readTls, type TlsFiles } from './tls.js'
import { renderRefusal } from './unparsable.js'
import { refuseUnrouted } from './unrouted.js'
import { createValidatorCompiler } from './validation.js'

export interface ServerSettings {
  /** Without it the server speaks plain HTTP. */
  readonly tls?: TlsFiles | undefined
  /** Addresses and networks of proxies whose `X-Forwarded-For`, or else `Forwarded`, is believed. */
  readonly trustedProxies?: readonly string[]
  /** Of each caller; 0, or left out, is no limit. */
  readonly requestsPerMinute?: number
  readonly limits?: Limits
}

export interface Gateway extends ServerSettings {
  readonly operations: Operations
  readonly authentication: Authentication
  /** Resolves where the gateway can do its work now. */
  readonly ready: () => Promise<void>
  readonly log: Logger
}

/**
 * The REST transport: translates HTTP to operations and back. The caller listens and closes.
 * @throws {GatewayError} that says what is wrong with the files of `tls`
 */
export async function createServer ({ operations, authentication, ready, log, tls, trustedProxies = [], requestsPerMinute = 0, limits = LIMITS }: Gateway): Promise<FastifyInstance> {
  const secure = tls && readTls(tls)
  const headers = securityHeaders(secure !== undefined)
  const backlog = new Budget(MOST_WAITING)
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
      sendProblem(request, reply.headers(headers), toFailure(error))
      logRequest(log, request, reply)
    },
    // Fastify would tell one of its servers, and `localhost` can be two.
    clientErrorHandler () {},
    serverFactory: serve => serveConnections(createListener(limits, secure), { serve, backlog, refusal: renderRefusal(log, headers), held: 0 }),
    // Only names the scheme of the address that it says it listens at: the server is made above.
    ...(secure && { https: {} })
  })
  const places = new Places(app.server, { most: limits.connections, trustedProxies, log })
  if (tls && secure) followTls(app.server as TlsServer, tls, secure, log)

  app.setValidatorCompiler(createValidatorCompiler(sharedSchemas))
  // Answers are sent as they are stored; the response schemas are for the document alone.
  app.setSerializerCompiler(() => JSON.stringify)
  for (const schema of sharedSchemas) app.addSchema(schema)

  parseBodies(app)
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id).headers(headers)
    const hasHost = request.headers.host !== undefined || request.raw.httpVersion === '1.0'
    done(hasHost ? undefined : new GatewayError('invalid_argument', 'a request needs a Host header'))
  })
  findClientAddress(app, trustedProxies)
  refuseWhileClosing(app, places, limits.closing)
  shedLoad(app, limits.loopDelay)
  logRequests(app, log)
  const limit = await limitAnonymous(app, backlog)
  refuseUnrouted(app, limit)
  app.setErrorHandler((error, request, reply) => {
    // The client went away before its body ended: there is nobody to answer, and nothing is wrong here.
    if (request.raw.destroyed && !request.raw.complete) {
      reply.hijack()
      return
    }
    const failed = toFailure(error)
    if (failed.status >= 500) logFailure(log, request, failed.error)
    return sendProblem(request, reply, failed)
  })

  await app.register(swagger, documentOptions)
  await app.register(async open => {
    open.addHook('onRequest', limit)
    await open.register(docs)
    await open.register(home)
  })
  await app.register(async v1 => {
    authenticateRequests(v1, authentication)
    limitBacklog(v1, backlog, ({ origin }) => keyOf(origin.caller))
    await limitRate(v1, requestsPerMinute)
    refuseMalformedQueries(v1)
    await v1.register(executionContextRoutes, { operations })
    await v1.register(auditRoutes, { operations })
  })
  await app.register(healthRoutes, { ready, limit })
  return app
}
