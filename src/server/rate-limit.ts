import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller } from '../auth/caller.js'
import { GatewayError } from '../errors.js'

const MINUTE_MS = 60_000
// Whoever was not seen for longest is forgotten first, and starts anew.
const MOST_CALLERS = 10_000

/** Counts a call. Rejects one too many of its caller as `resource_exhausted`. */
type LimitCaller = (caller: Caller) => Promise<void>

/**
 * A limit of `perMinute` calls of each caller in a minute, which begins with its first, over all that it is asked about; `system` has
 * none. `undefined` where there is none: 0.
 */
export async function limitRate (app: FastifyInstance, perMinute: number): Promise<LimitCaller | undefined> {
  if (perMinute === 0) return undefined
  if (!app.hasDecorator('createRateLimit')) await app.register(rateLimit, { global: false, cache: MOST_CALLERS })
  const count = app.createRateLimit({
    max: perMinute,
    timeWindow: MINUTE_MS,
    keyGenerator: request => keyOf(request.origin.caller),
    allowList: request => request.origin.caller.kind === 'system'
  })
  return async caller => {
    const counted = await count(countable({ origin: { caller } }))
    if (counted.isAllowed || !counted.isExceeded) return
    throw new GatewayError(
      'resource_exhausted',
      `this caller makes more than ${perMinute} requests a minute; wait before the next`,
      { retryAfterSeconds: counted.ttlInSeconds }
    )
  }
}

/** What the plugin looks at of a request. */
export const countable = (shown: { readonly origin: { readonly caller: Caller } } | { readonly ip: string }) =>
  ({ ...shown, routeOptions: {} }) as FastifyRequest

/** Names a caller among all of all kinds. */
export const keyOf = ({ kind, name }: Caller) => `${kind}:${name}`
