import { hash } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { Caller } from './caller.js'
import type { KeySet } from './jwks.js'

const MOST = 10_000

export interface KnownJwt {
  readonly caller: Caller
  /** Those that it was found valid by. */
  readonly keys: KeySet
  /** Seconds since 1970. */
  readonly expiresAt: number
}

/** The JWTs that were found valid, by their hash: the 10,000 that were used last. */
export class KnownJwts {
  /** The one that was used last is last. */
  readonly #known = new Map<string, KnownJwt>()
  readonly #clock: Clock

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** What is known of `token`, unless it has expired. */
  find (token: string): KnownJwt | undefined {
    const key = keyOf(token)
    const known = this.#known.get(key)
    if (known === undefined) return undefined
    this.#known.delete(key)
    if (this.#clock.now() >= known.expiresAt * 1000) return undefined
    this.#known.set(key, known)
    return known
  }

  add (token: string, known: KnownJwt): void {
    this.#known.set(keyOf(token), known)
    if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value!)
  }
}

const keyOf = (token: string) => hash('sha256', token, 'base64')
