import type { Write } from './level-changes.js'
import type { Read } from './level-reader.js'

/** What is to be written at once, and what was under each key before. */
export class LevelBatch {
  readonly #before: Read
  readonly #found = new Map<string, Buffer | undefined>()
  readonly #writes = new Map<string, Write>()

  /** `before` must answer the same until the batch is written. */
  constructor (before: Read) {
    this.#before = before
  }

  /** What is under `key` once the batch is written. */
  readonly read: Read = key => {
    const write = this.#writes.get(key)
    return write === undefined ? this.before(key) : write.type === 'put' ? write.value : undefined
  }

  /** What was under `key` before. */
  before (key: string): Buffer | undefined {
    if (!this.#found.has(key)) this.#found.set(key, this.#before(key))
    return this.#found.get(key)
  }

  add (writes: readonly Write[]): void {
    for (const write of writes) this.#writes.set(write.key, write)
  }

  has (key: string): boolean {
    return this.#writes.has(key)
  }

  get isEmpty (): boolean {
    return this.#writes.size === 0
  }

  get writes (): Iterable<Write> {
    return this.#writes.values()
  }
}
