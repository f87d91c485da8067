import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import type { Caller } from '../auth/caller.js'
import { GatewayError } from '../errors.js'

const MINUTE_MS = 60_000
// Whoever was not seen for longest is forgotten first, and starts anew.
const MOST_CALLERS = 10_000

/**
 * Limits the routes that `app` gets from here on to `perMinute` requests of each caller in a minute, which begins with
 * its first; 0 is no limit, and `system` has none. Refuses one too many as `resource_exhausted`, after all `onRequest`
 * hooks of `app`, of which one finds out the caller.
 */
export async function limitRate (app: FastifyInstance, perMinute: number): Promise<void> {
  if (perMinute === 0) return
  const none = { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false }
  await app.register(rateLimit, {
    max: perMinute,
    timeWindow: MINUTE_MS,
    cache: MOST_CALLERS,
    keyGenerator: request => keyOf(request.origin.caller),
    allowList: request => request.origin.caller.kind === 'system',
    addHeaders: { ...none, 'retry-after': false },
    addHeadersOnExceeding: none,
    errorResponseBuilder: (_, { ttl }) => new GatewayError(
      'resource_exhausted',
      `this caller makes more than ${perMinute} requests a minute; wait before the next`,
      { retryAfterSeconds: Math.ceil(ttl / 1000) }
    )
  })
}

/** Names a caller among all of all kinds. */
export const keyOf = ({ kind, name }: Caller) => `${kind}:${name}`
