import { setTimeout as pause } from 'node:timers/promises'
import { systemClock, type Clock } from '../clock.js'
import { GatewayError } from '../errors.js'
import { fetchText } from './fetch-text.js'
import { keySet, type KeySet, type KeySource } from './jwks.js'
import { isLoopback } from './loopback.js'
import { parseJson } from '../files/parse-json.js'
import { Trouble, type Listeners } from '../files/trouble.js'

export interface Fetching extends Listeners {
  /**
   * After a fetch, how many milliseconds until the keys are fetched again for a token that names none of them; 2000 where it
   * is not said.
   */
  readonly cooldownMs?: number
  /** In place of the global one. */
  readonly fetch?: typeof fetch
  readonly clock?: Clock
}

const FRESH_MS = 600_000
/** How long keys count while newer ones cannot be had. */
const MOST_STALE_MS = 24 * 3_600_000
// An issuer that is down is not asked again for each token that comes.
const RETRY_MS = 1_000
const STALE_RETRY_MS = 30_000
// Of each network. While tokens wait for newer keys, so do their clients, and perhaps a proxy that others need too.
const MOST_WAITING = 32

/**
 * The keys at a URL, fetched when the first token comes and again when they are ten minutes old, or sooner where a token
 * names one that is not among them. While newer ones cannot be had the last ones count on, for a day; nobody whose key
 * is known waits for that.
 */
export class RemoteKeys implements KeySource {
  readonly #url: URL
  readonly #fetch: typeof fetch
  readonly #cooldownMs: number
  readonly #trouble: Trouble
  readonly #clock: Clock
  #known: { readonly text: string, readonly keys: KeySet } | undefined
  #fetchedAt = -Infinity
  #triedAt = -Infinity
  #fetching: Promise<KeySet> | undefined
  #fetchingSoon: Promise<KeySet> | undefined
  readonly #waiting = new Map<string, number>()

  /** @throws {GatewayError} where whoever is on the way to `address` could change the keys */
  constructor (address: string, { cooldownMs = 2_000, fetch: get = fetch, clock = systemClock, ...listeners }: Fetching) {
    const url = URL.canParse(address) ? new URL(address) : undefined
    if (url === undefined || (url.protocol === 'http:' && !isLoopback(url.hostname.replaceAll(/[[\]]/g, '')))) {
      throw new GatewayError(
        'invalid_argument',
        'the keys for JWTs must be at an https URL (http for loopback only) or in a file: whoever can change them on the way can sign'
      )
    }
    this.#url = url
    this.#fetch = get
    this.#cooldownMs = cooldownMs
    this.#clock = clock
    this.#trouble = new Trouble('the key set for JWTs', listeners)
  }

  current (): KeySet | Promise<KeySet> {
    const now = this.#clock.monotonic()
    if (this.#known === undefined || now - this.#fetchedAt >= MOST_STALE_MS) {
      if (this.#fetching === undefined && now - this.#triedAt < RETRY_MS) throw unavailable('they could not be had a moment ago')
      return this.#fetchNow()
    }
    // What is wrong is told, and nobody waits.
    if (now - this.#fetchedAt >= FRESH_MS && now - this.#triedAt >= STALE_RETRY_MS) this.#fetchNow().catch(() => {})
    return this.#known.keys
  }

  async newer (whom: string): Promise<KeySet> {
    const waiting = this.#waiting.get(whom) ?? 0
    if (waiting === MOST_WAITING) throw tooMany()
    this.#waiting.set(whom, waiting + 1)
    try {
      return await (this.#fetchingSoon ??= this.#fetchSoon().finally(() => { this.#fetchingSoon = undefined }))
    } finally {
      const left = this.#waiting.get(whom)! - 1
      if (left > 0) this.#waiting.set(whom, left)
      else this.#waiting.delete(whom)
    }
  }

  async #fetchSoon (): Promise<KeySet> {
    const wait = this.#triedAt + this.#cooldownMs - this.#clock.monotonic()
    if (wait > 0) await pause(wait, undefined, { ref: false })
    return await this.#fetchNow()
  }

  /** One fetch, which all who need one share. */
  #fetchNow (): Promise<KeySet> {
    this.#fetching ??= this.#take().finally(() => {
      this.#fetching = undefined
      this.#triedAt = this.#clock.monotonic()
    })
    return this.#fetching
  }

  async #take (): Promise<KeySet> {
    try {
      const text = await fetchText(this.#url, this.#fetch)
      if (text !== this.#known?.text) this.#known = { text, keys: keySet(parseJson(text)) }
      this.#fetchedAt = this.#clock.monotonic()
      this.#trouble.over()
      return this.#known.keys
    } catch (error) {
      const before = this.#known === undefined ? '' : '; those of before stay in force, for a day at most'
      this.#trouble.found(GatewayError.from(error).message + before)
      throw unavailable(error)
    }
  }
}

const tooMany = () =>
  new GatewayError(
    'resource_exhausted',
    'too many tokens from this address name keys that are not known; try again',
    { retryAfterSeconds: 1 }
  )
const unavailable = (cause: unknown) =>
  new GatewayError('unavailable', 'the keys that JWTs are checked with cannot be had; try again', { cause })
