import type { FastifyInstance, FastifyRequest } from 'fastify'
import { GatewayError } from '../errors.js'
import type { Budget } from './budget.js'
import { connectionOf } from './connection.js'

/** Of answers that clients have not taken yet, in all: beyond it the one that waits for longest is given up, and its connection closed. */
export const MOST_WAITING = 128 * 1024 * 1024
const MOST_OF_EACH = 32 * 1024 * 1024

const OVER = new GatewayError(
  'unavailable',
  'too many answers to you wait to be taken: read them, or close their connections, and try again',
  { retryAfterSeconds: 1 }
)

/**
 * Whose answers wait on the connection of `request`, from here on: those of `owner`.
 * @throws `unavailable` where `owner` has so many already, and wants to read; what changes something is always done
 */
export function refuseBacklog ({ raw: { socket, method } }: FastifyRequest, backlog: Budget, owner: string): void {
  const connection = connectionOf(socket)
  if (connection === undefined) return
  connection.owner = owner
  if (method === 'GET' || method === 'HEAD') assertRead(backlog, owner)
}

/** @throws `unavailable` where too much that `owner` asked for waits to be taken by it */
export function assertRead (backlog: Budget, owner: string): void {
  if (backlog.heldBy(owner) > MOST_OF_EACH) throw OVER
}

/** Applies `refuseBacklog` to all routes that `app` gets from here on. */
export function limitBacklog (app: FastifyInstance, backlog: Budget, ownerOf: (request: FastifyRequest) => string): void {
  app.addHook('onRequest', (request, _reply, done) => {
    try {
      refuseBacklog(request, backlog, ownerOf(request))
      done()
    } catch (error) {
      done(error as Error)
    }
  })
}
