import { GatewayError } from '../errors.js'

// What waits is a request with its headers, at most 16 KiB.
const MOST_WAITING = 2_048

/**
 * Does costly work one at a time, for all who ask in turn: whoever asks for much waits behind what they asked for
 * themselves, and nobody else does.
 */
export class Turns {
  /** What waits for each, those that are next first. */
  readonly #lines = new Map<string, Array<() => void>>()
  #isBusy = false

  /** Resolves as `work` does. @throws `resource_exhausted` where 2,048 pieces of work for `whom` wait already */
  async take<T> (whom: string, work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) await this.#wait(whom)
    this.#isBusy = true
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  #wait (whom: string): Promise<void> {
    const line = this.#lines.get(whom) ?? []
    if (line.length === MOST_WAITING) throw tooMany()
    this.#lines.set(whom, line)
    return new Promise(resolve => { line.push(resolve) })
  }

  #next (): void {
    const [next] = this.#lines
    this.#isBusy = next !== undefined
    if (next === undefined) return
    const [whom, line] = next
    this.#lines.delete(whom)
    const begin = line.shift()!
    if (line.length > 0) this.#lines.set(whom, line)
    begin()
  }
}

const tooMany = () =>
  new GatewayError('resource_exhausted', 'too many credentials from this address wait to be checked; try again', { retryAfterSeconds: 1 })
