import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../errors.js'

// One for all: making a stack for each would be work when there is too much of it.
const OVERLOADED = new GatewayError('unavailable', 'the gateway has more to do than it can; try again later', { retryAfterSeconds: 5 })

/** In the `config` of a route that is answered even under too much load. */
export const NEVER_SHED = { pressureHandler () {} }

/**
 * Refuses requests at once, as `unavailable`, while the event loop is late by more than `loopDelay` milliseconds in the
 * mean of a second. Memory is no sign of distress here: the database's mapped files count, and garbage does until it is collected.
 */
export async function shedLoad (app: FastifyInstance, loopDelay: number): Promise<void> {
  await app.register(underPressure, { maxEventLoopDelay: loopDelay, pressureHandler () { throw OVERLOADED } })
}
