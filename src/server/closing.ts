import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../errors.js'
import type { ConnectionPlaces } from './connection-places.js'

export const CLOSING = new GatewayError('unavailable', 'the gateway is shutting down; try again', { retryAfterSeconds: 1 })

/**
 * Once the server closes: refuses new requests, and lets those that still run end their connection with their answer.
 * Kept alive, it would hold up the close. So would a client that does not send the rest of its request or does not read its
 * answer: `milliseconds` later all connections are closed.
 */
export function refuseWhileClosing (app: FastifyInstance, places: ConnectionPlaces, milliseconds: number): void {
  let closing = false
  let timer: NodeJS.Timeout | undefined

  app.addHook('preClose', async () => {
    closing = true
    places.closeUnused()
    timer = setTimeout(() => places.closeAll(), milliseconds)
  })
  app.addHook('onClose', async () => clearTimeout(timer))
  app.addHook('onRequest', (_request, _reply, done) => {
    done(closing ? CLOSING : undefined)
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close')
    done(null, payload)
  })
}
