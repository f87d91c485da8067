import type { FastifyInstance, FastifyReply } from 'fastify'
import { GatewayError } from '../errors.js'

/**
 * Once the server closes: refuses new requests, and lets those that still run end their connection with their answer.
 * Kept alive, it would hold up the close.
 */
export function refuseWhileClosing (app: FastifyInstance): void {
  const running = new Set<FastifyReply>()
  let closing = false

  app.addHook('onRequest', (_, reply, done) => {
    running.add(reply)
    if (!closing) return done()
    reply.header('connection', 'close')
    done(new GatewayError('unavailable', 'the gateway is shutting down; try again'))
  })
  app.addHook('onResponse', (_, reply, done) => {
    running.delete(reply)
    done()
  })
  app.addHook('preClose', async () => {
    closing = true
    for (const reply of running) if (!reply.sent) reply.header('connection', 'close')
  })
}
