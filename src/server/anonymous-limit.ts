import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import { networkOf } from '../auth/address.js'
import { GatewayError } from '../errors.js'
import { countable } from './rate-limit.js'

const MINUTE_MS = 60_000
/** Many people behind one address, with as many probes, stay far below it. */
const PER_MINUTE = 3_000
// Whichever was not seen for longest is forgotten first, and starts anew.
const MOST_ADDRESSES = 10_000

/**
 * A limit for what needs no credentials: so many requests a minute of each address (of IPv6 each /64). It rejects one too many as
 * `resource_exhausted`.
 */
export async function limitAnonymous (app: FastifyInstance): Promise<(address: string) => Promise<void>> {
  const keyGenerator = ({ ip }: { readonly ip: string }) => networkOf(ip)
  await app.register(rateLimit, { global: false, max: PER_MINUTE, timeWindow: MINUTE_MS, cache: MOST_ADDRESSES, keyGenerator })
  const count = app.createRateLimit()

  return async address => {
    const counted = await count(countable({ ip: address }))
    if (!counted.isAllowed && counted.isExceeded) {
      throw new GatewayError(
        'resource_exhausted',
        `this address makes more than ${PER_MINUTE} requests without credentials a minute; wait before the next`,
        { retryAfterSeconds: counted.ttlInSeconds }
      )
    }
  }
}
