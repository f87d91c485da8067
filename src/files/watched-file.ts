import { readFileSync } from 'node:fs'
import { systemClock, type Clock } from '../clock.js'
import { GatewayError } from '../errors.js'
import { fileProblem } from './file-problem.js'
import { Trouble, type Listeners } from './trouble.js'

export interface Watching extends Listeners {
  /** How long a look at the file holds, in milliseconds; 1000 where it is not said. */
  readonly checkEveryMs?: number
  readonly clock?: Clock
}

/**
 * A small file of text whose changes are taken, however it was written or replaced. It is looked at on use, so that nothing
 * runs while nobody asks, and synchronously, so that whoever asks needs no promise. Each look reads it: no time or size of
 * a file says for sure that it is the one that was read. Where it cannot be used, what it held before stays in force
 * until a later look finds it well.
 */
export class WatchedFile<T> {
  readonly #path: string
  readonly #take: (text: string) => T
  readonly #checkEveryMs: number
  readonly #trouble: Trouble
  readonly #clock: Clock
  #text: string
  #value: T
  #lookedAt: number

  /**
   * @param take makes the value from what is in the file, or throws a GatewayError that quotes nothing of it
   * @throws {GatewayError} where the file cannot be used now
   */
  constructor (path: string, take: (text: string) => T, { checkEveryMs = 1000, clock = systemClock, ...listeners }: Watching = {}) {
    this.#path = path
    this.#take = take
    this.#checkEveryMs = checkEveryMs
    this.#clock = clock
    this.#lookedAt = clock.monotonic()
    this.#trouble = new Trouble(path, listeners)
    try {
      this.#text = readFileSync(path, 'utf8')
      this.#value = take(this.#text)
    } catch (error) {
      throw new GatewayError('invalid_argument', `${path}: ${problemOf(error)}`, { cause: error })
    }
  }

  /** What the file holds, the same object until that changes. */
  get current (): T {
    const now = this.#clock.monotonic()
    if (now - this.#lookedAt < this.#checkEveryMs) return this.#value
    this.#lookedAt = now
    try {
      this.#look()
      this.#trouble.over()
    } catch (error) {
      this.#trouble.found(`${problemOf(error)}; what it held before stays in force`)
    }
    return this.#value
  }

  #look (): void {
    const text = readFileSync(this.#path, 'utf8')
    if (text === this.#text) return
    this.#value = this.#take(text)
    this.#text = text
  }
}

function problemOf (error: unknown): string {
  if (error instanceof GatewayError) return error.message
  return `cannot be read${fileProblem(error)}`
}
