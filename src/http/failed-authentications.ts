import { isIP } from 'node:net'
import { normalizeIP } from '@fastify/rate-limit'
import { GatewayError } from '../errors.js'

const WINDOW_MS = 60_000
const MOST_FAILURES = 20
const MOST_ADDRESSES = 10_000

/**
 * Who failed to authenticate of late, so that nobody can try credential after credential. IPv6 addresses count by their
 * /64, since one host may have all of one. Of more than 10,000 addresses it forgets those that failed the longest ago.
 */
export class FailedAuthentications {
  readonly #now: () => number
  /** The times of the last failures of each address, the latest last; the address that failed last is last. */
  readonly #failures = new Map<string, number[]>()

  /** @param now a clock in milliseconds that never goes back */
  constructor (now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** To be called before credentials are looked at. @throws `resource_exhausted` where `address` has failed more than 20 times within a minute */
  check (address: string): void {
    if (this.#failures.size === 0) return
    const [first, ...later] = this.#failures.get(networkOf(address)) ?? []
    const wait = first === undefined || later.length < MOST_FAILURES ? 0 : first + WINDOW_MS - this.#now()
    if (wait > 0) throw new GatewayError('resource_exhausted', 'this address sent too many credentials that are not valid; mend them, and wait before the next try', { retryAfterSeconds: Math.ceil(wait / 1000) })
  }

  /** `address` failed now. @throws as `check`, where that is once too often */
  count (address: string): void {
    this.check(address)
    const network = networkOf(address)
    const before = this.#failures.get(network) ?? []
    this.#failures.delete(network)
    this.#failures.set(network, [...before, this.#now()].slice(-MOST_FAILURES - 1))
    if (this.#failures.size > MOST_ADDRESSES) this.#failures.delete(this.#failures.keys().next().value!)
  }
}

// A proxy may hand on anything as an address, of any length; a connection that is gone has none.
const networkOf = (address: string) => isIP(address) === 0 ? 'unknown' : normalizeIP(address)
