import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { networkOf } from '../auth/address.js'
import { GatewayError } from '../errors.js'
import { refuseBacklog } from './backlog-limit.js'
import type { Budget } from './budget.js'

const MINUTE_MS = 60_000
/** Many people behind one address, with as many probes, stay far below it. */
const PER_MINUTE = 3_000
// Whichever was not seen for longest is forgotten first, and starts anew.
const MOST_ADDRESSES = 10_000

/**
 * A limit for what needs no credentials: so many requests a minute of each address (of IPv6 each /64), and so much that
 * waits for it. It rejects one too many as `resource_exhausted`, or `unavailable`.
 */
export async function limitAnonymous (app: FastifyInstance, backlog: Budget): Promise<(request: FastifyRequest) => Promise<void>> {
  const keyGenerator = ({ ip }: FastifyRequest) => networkOf(ip)
  await app.register(rateLimit, { global: false, max: PER_MINUTE, timeWindow: MINUTE_MS, cache: MOST_ADDRESSES, keyGenerator })
  const count = app.createRateLimit()

  return async request => {
    const counted = await count(request)
    if (!counted.isAllowed && counted.isExceeded) {
      throw new GatewayError(
        'resource_exhausted',
        `this address makes more than ${PER_MINUTE} requests without credentials a minute; wait before the next`,
        { retryAfterSeconds: counted.ttlInSeconds }
      )
    }
    refuseBacklog(request, backlog, networkOf(request.ip))
  }
}
