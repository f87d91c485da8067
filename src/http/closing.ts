import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../errors.js'

/**
 * Once the server closes: refuses new requests, and lets those that still run end their connection with their answer.
 * Kept alive, it would hold up the close.
 */
export function refuseWhileClosing (app: FastifyInstance): void {
  let closing = false

  app.addHook('preClose', async () => { closing = true })
  app.addHook('onRequest', (_request, _reply, done) => {
    done(closing ? new GatewayError('unavailable', 'the gateway is shutting down; try again') : undefined)
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close')
    done(null, payload)
  })
}
