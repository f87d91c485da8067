import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Code } from '../errors.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** What it was refused with. */
    failureCode: Code | undefined
  }
}

/** One line for each request, after its answer: nothing of its body, its query or its headers. Call it before the routes are added. */
export function logRequests (app: FastifyInstance, log: Logger): void {
  app.decorateRequest('failureCode', undefined)
  // What is the same for all requests of a route is rendered once.
  app.addHook('onRoute', route => {
    const routeLog = log.child({ operation: route.schema?.operationId, route: route.url })
    route.onResponse = (request, reply, done) => {
      logRequest(routeLog, request, reply)
      done()
    }
  })
  app.addHook('onResponse', (request, reply, done) => {
    if (request.is404) logRequest(log, request, reply)
    done()
  })
}

export function logRequest (log: Logger, request: FastifyRequest, reply: FastifyReply): void {
  log.info({
    request_id: request.id,
    method: request.method,
    status: reply.statusCode,
    code: request.failureCode,
    duration_ms: rounded(reply.elapsedTime)
  }, 'request')
}

/** Milliseconds, to the microsecond. */
export const rounded = (milliseconds: number) => Math.round(milliseconds * 1000) / 1000

/** A failure that is the gateway's own, with its causes; the answer says only that it happened. */
export function logFailure (log: Logger, requestId: string, route: string | undefined, error: Error): void {
  log.error({ request_id: requestId, route, err: error }, 'request failed')
}
