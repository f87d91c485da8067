import { readFileSync, statSync } from 'node:fs'
import { GatewayError } from '../errors.js'
import { fileProblem } from '../file-problem.js'

export interface Watching {
  /** Told once for each change that was not taken, and why. The message holds nothing of the file. */
  readonly onProblem?: (message: string) => void
  /** How long a look at the file holds, in milliseconds; 1000 where it is not said. */
  readonly checkEveryMs?: number
}

/**
 * A small JSON file that is read again when it changes, however it was written or replaced. It is looked at on use, so
 * that nothing runs while nobody asks, and synchronously, so that whoever asks needs no promise. Where the changed
 * file cannot be read, what it held before stays in force.
 */
export class WatchedJson<T> {
  readonly #path: string
  readonly #take: (json: unknown) => T
  readonly #onProblem: (message: string) => void
  readonly #checkEveryMs: number
  #value: T
  #version: string
  #lookedAt = performance.now()

  /**
   * @param take makes the value from the parsed file, or throws a GatewayError that quotes nothing of it
   * @throws {GatewayError} where the file cannot be read now
   */
  constructor (path: string, take: (json: unknown) => T, { onProblem = () => {}, checkEveryMs = 1000 }: Watching = {}) {
    this.#path = path
    this.#take = take
    this.#onProblem = onProblem
    this.#checkEveryMs = checkEveryMs
    // Before it is read: should it change meanwhile, the next look sees that.
    this.#version = versionOf(path)
    this.#value = this.#read()
  }

  get current (): T {
    const now = performance.now()
    if (now - this.#lookedAt < this.#checkEveryMs) return this.#value
    this.#lookedAt = now
    const version = versionOf(this.#path)
    if (version === this.#version) return this.#value
    this.#version = version
    try {
      this.#value = this.#read()
    } catch (error) {
      this.#onProblem(`${GatewayError.from(error).message}; what it held before stays in force`)
    }
    return this.#value
  }

  #read (): T {
    try {
      return this.#take(parse(readFileSync(this.#path, 'utf8')))
    } catch (error) {
      throw new GatewayError('invalid_argument', `${this.#path}: ${problemOf(error)}`, { cause: error })
    }
  }
}

/** Differs where the file at `path` was written or replaced. */
function versionOf (path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch {
    return 'unreadable'
  }
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own error quotes what it read.
    throw new GatewayError('invalid_argument', 'is no valid JSON')
  }
}

function problemOf (error: unknown): string {
  if (error instanceof GatewayError) return error.message
  return `cannot be read${fileProblem(error)}`
}
