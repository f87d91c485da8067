import type { ServerHttp2Stream } from 'node:http2'
import { networkOf } from '../auth/address.js'
import { GatewayError } from '../errors.js'

const MOST = 512
const MOST_OF_EACH = MOST / 4

const TOO_MANY = new GatewayError('resource_exhausted', 'too many streams are open; close some and try again', { retryAfterSeconds: 5 })

/** How many streams that need no credentials may be open: of one network, a quarter of all. */
export class Streams {
  #count = 0
  readonly #byNetwork = new Map<string, number>()

  /** Counts `stream`, from that address, until it closes. @throws `resource_exhausted` */
  take (stream: ServerHttp2Stream, address: string): void {
    const network = networkOf(address)
    if (this.#count >= MOST || this.#of(network) >= MOST_OF_EACH) throw TOO_MANY
    this.#add(network, 1)
    stream.once('close', () => this.#add(network, -1))
  }

  #of (network: string): number {
    return this.#byNetwork.get(network) ?? 0
  }

  #add (network: string, change: number): void {
    this.#count += change
    const count = this.#of(network) + change
    if (count === 0) this.#byNetwork.delete(network)
    else this.#byNetwork.set(network, count)
  }
}
