import { networkOf } from './address.js'

const WINDOW_MS = 60_000
const MOST_TOLD = 20
const MOST_NETWORKS = 10_000

/** Where credentials that were not valid, or none at all, came from. */
export interface FailedAuthentication {
  readonly requestId?: string
  readonly remoteAddress?: string
}

interface Failures {
  count: number
  readonly remoteAddress: string | undefined
}

/**
 * Keeps failures to authenticate from flooding the audit log: those of each network within a minute, which begins with
 * the first of any, are told one by one up to 20, and how many more there were when it ends. What comes from more than
 * 10,000 networks is counted together, as from an address that is not known. Refuses nobody.
 */
export class FailedAuthentications {
  readonly #tell: (failure: FailedAuthentication, count?: number) => void
  readonly #windowMs: number
  #failures = new Map<string, Failures>()
  #end: NodeJS.Timeout | undefined

  /** @param tell is told of one failure, or of `count` that were not told one by one */
  constructor (tell: (failure: FailedAuthentication, count?: number) => void, windowMs = WINDOW_MS) {
    this.#tell = tell
    this.#windowMs = windowMs
  }

  add (failure: FailedAuthentication): void {
    this.#end ??= setTimeout(() => this.flush(), this.#windowMs).unref()
    const failures = this.#of(failure.remoteAddress ?? '')
    failures.count++
    if (failures.count <= MOST_TOLD) this.#tell(failure)
  }

  /** Ends the minute now. */
  flush (): void {
    clearTimeout(this.#end)
    this.#end = undefined
    const ended = this.#failures
    this.#failures = new Map()
    for (const { count, remoteAddress } of ended.values()) if (count > MOST_TOLD) this.#tell({ remoteAddress }, count - MOST_TOLD)
  }

  #of (address: string): Failures {
    const network = networkOf(address)
    const known = this.#failures.get(network)
    if (known !== undefined) return known
    if (this.#failures.size >= MOST_NETWORKS && address !== '') return this.#of('')
    const failures = { count: 0, remoteAddress: address === '' ? undefined : address }
    this.#failures.set(network, failures)
    return failures
  }
}
