import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'

/** One line for each request, after its answer: nothing of its body, its query or its headers. */
export function logRequests (app: FastifyInstance, log: Logger): void {
  app.addHook('onResponse', (request, reply, done) => {
    logRequest(log, request, reply)
    done()
  })
}

export function logRequest (log: Logger, request: FastifyRequest, reply: FastifyReply): void {
  log.info({
    request_id: request.id,
    operation: request.routeOptions?.schema?.operationId,
    method: request.method,
    route: request.routeOptions?.url,
    status: reply.statusCode,
    duration_ms: Math.round(reply.elapsedTime * 1000) / 1000
  }, 'request')
}

/** A failure that is the gateway's own, with its causes; the answer says only that it happened. */
export function logFailure (log: Logger, request: FastifyRequest, error: Error): void {
  log.error({ request_id: request.id, route: request.routeOptions?.url, err: error }, 'request failed')
}
