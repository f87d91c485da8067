import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import type { Caller } from '../auth/caller.js'
import { GatewayError } from '../errors.js'

const MINUTE_MS = 60_000
// Whoever was not seen for longest is forgotten first, and starts anew.
const MOST_CALLERS = 10_000

/**
 * Limits routes to `perMinute` requests of each caller in a minute, which begins with its first, over all that the answered function is
 * given; 0 is no limit, and `system` has none. Refuses one too many as `resource_exhausted`, after all `onRequest` hooks that the routes
 * have by then, of which one finds out the caller.
 */
export async function limitRate (app: FastifyInstance, perMinute: number): Promise<(routes: FastifyInstance) => void> {
  if (perMinute === 0) return () => {}
  if (!app.hasDecorator('createRateLimit')) await app.register(rateLimit, { global: false, cache: MOST_CALLERS })
  const count = app.createRateLimit({
    max: perMinute,
    timeWindow: MINUTE_MS,
    keyGenerator: request => keyOf(request.origin.caller),
    allowList: request => request.origin.caller.kind === 'system'
  })
  return routes => routes.addHook('onRequest', async request => {
    const counted = await count(request)
    if (counted.isAllowed || !counted.isExceeded) return
    throw new GatewayError(
      'resource_exhausted',
      `this caller makes more than ${perMinute} requests a minute; wait before the next`,
      { retryAfterSeconds: counted.ttlInSeconds }
    )
  })
}

/** Names a caller among all of all kinds. */
export const keyOf = ({ kind, name }: Caller) => `${kind}:${name}`
