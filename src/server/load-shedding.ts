import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../errors.js'

const LOOK_EVERY_MS = 1_000
const RESOLUTION_MS = 10

// One for all: making a stack for each would be work when there is too much of it.
const OVERLOADED = new GatewayError('unavailable', 'the gateway has more to do than it can; try again later', { retryAfterSeconds: 5 })

declare module 'fastify' {
  interface FastifyContextConfig {
    neverShed?: boolean
  }
}

/** In the `config` of a route that is answered even under too much load. */
export const NEVER_SHED = { neverShed: true }

/**
 * Refuses requests at once, as `unavailable`, while the event loop is late by more than `loopDelay` milliseconds in the
 * mean of a second; never where that is `Infinity`. Answers what tells it to those who do not come by `app`. Memory is no
 * sign of distress here: the database's mapped files count, and garbage does until it is collected.
 */
export function shedLoad (app: FastifyInstance, loopDelay: number): () => GatewayError | undefined {
  if (loopDelay === Infinity) return () => undefined
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  let isLate = false
  const timer = setInterval(() => {
    // No number where the loop had no time to measure it.
    isLate = !(delay.mean / 1e6 - RESOLUTION_MS <= loopDelay)
    delay.reset()
  }, LOOK_EVERY_MS).unref()

  app.addHook('onRequest', (request, _reply, done) => {
    done(isLate && request.routeOptions.config.neverShed !== true ? OVERLOADED : undefined)
  })
  app.addHook('onClose', async () => {
    clearInterval(timer)
    delay.disable()
  })
  return () => isLate ? OVERLOADED : undefined
}
