import type { Clock } from '../../clock.js'
import { closed } from '../../storage/refusals.js'
import { noPosition, trimmed, type Change, type Feed, type Keeping, type StoreEvent } from '../../storage/feed.js'

/** Keeps the feed of a store in the memory of this process. */
export class MemoryFeed implements Feed {
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()
  #changes: Change[] = []
  #last = position(0)
  #trimmed = this.#last
  #count = 0
  #open = true

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Adds the events of a change that is made in the same turn. */
  add (events: readonly StoreEvent[]): void {
    for (const event of events) {
      this.#last = position(++this.#count)
      this.#changes.push({ position: this.#last, time: this.#clock.now(), event })
    }
    if (events.length > 0) for (const listener of this.#listeners) listener()
  }

  async changes (after: string = this.#trimmed, limit: number): Promise<readonly Change[]> {
    if (!this.#open) throw closed()
    if (!POSITION.test(after) || after > this.#last) throw noPosition()
    if (after < this.#trimmed) throw trimmed(this.#trimmed)
    return this.#changes.filter(({ position }) => position > after).slice(0, limit)
  }

  async last (): Promise<string> {
    if (!this.#open) throw closed()
    return this.#last
  }

  listen (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  async trim ({ ms, most }: Keeping): Promise<number> {
    const from = this.#clock.now() - ms
    const young = this.#changes.findIndex(({ time }) => time > from)
    const { length } = this.#changes
    const dropped = this.#changes.splice(0, Math.max(young === -1 ? length : young, length - most))
    this.#trimmed = dropped.at(-1)?.position ?? this.#trimmed
    return dropped.length
  }

  close (): void {
    this.#open = false
  }
}

const POSITION = /^\d{16}$/
const position = (place: number) => String(place).padStart(16, '0')
