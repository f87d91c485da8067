import { isEnd, type ResourceEvent } from '../resource/resource-event.js'

/** Which events somebody follows: those that have all of this. */
export interface Wanted {
  readonly id?: string | undefined
  readonly executionId?: string | undefined
  readonly kind?: string | undefined
  readonly types?: readonly string[] | undefined
}

/** An event as it is told. */
export interface ToldEvent {
  readonly position: string
  /** Milliseconds since 1970. */
  readonly time: number
  /** Absent where the store has lost it: what it told of must be read anew. */
  readonly event: ResourceEvent | undefined
}

/** What reads for those who follow. */
export interface Reader {
  wait (subscription: Subscription): void
  leave (subscription: Subscription): void
}

// As much as one who follows is told at once, and so all that is ever kept for it: rendered, less than 64 KiB.
const MOST_BYTES = 24 * 1024
const MOST_EVENTS = 96

interface Taker {
  resolve (events: readonly ToldEvent[]): void
  reject (error: unknown): void
}

/** What one follows, and up to where it was told. It costs nothing but memory while nothing happens. */
export class Subscription {
  readonly #reader: Reader
  #taker: Taker | undefined
  #batch: ToldEvent[] = []
  #bytes = 0
  #isOver = false
  /** Whether it is told that there is nothing, too. */
  isImpatient = false

  constructor (readonly wanted: Wanted, public position: string, reader: Reader) {
    this.#reader = reader
  }

  /** Whether nothing will follow: it was closed, or what it follows has ended. */
  get isOver (): boolean {
    return this.#isOver
  }

  /** Whether it takes no more at once. */
  get isFull (): boolean {
    return this.#bytes >= MOST_BYTES || this.#batch.length >= MOST_EVENTS || this.#isOver
  }

  /** What comes next: at least one event, or none where it is over. One call at a time. @throws as `Feed.changes` */
  next (): Promise<readonly ToldEvent[]> {
    if (this.#isOver) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      this.#taker = { resolve, reject }
      this.#reader.wait(this)
    })
  }

  /** As `next`, but only what there is by now: none where there is nothing. */
  now (): Promise<readonly ToldEvent[]> {
    this.isImpatient = true
    return this.next()
  }

  /** Ends it: whoever waits is told that nothing follows. */
  close (): void {
    this.#isOver = true
    this.#reader.leave(this)
    this.#settle(this.position)
  }

  wants (event: ResourceEvent | undefined): boolean {
    const { id, executionId, kind, types } = this.wanted
    if (event === undefined) return true
    return (id === undefined || event.id === id) && (kind === undefined || event.kind === kind) &&
      (executionId === undefined || event.execution_id === executionId) && (types === undefined || types.includes(event.type))
  }

  /** Keeps what it wants until it is told. */
  offer (told: ToldEvent, bytes: number): void {
    this.#batch.push(told)
    this.#bytes += bytes
    this.position = told.position
    if (this.wanted.id !== undefined && told.event !== undefined && isEnd(told.event)) this.#isOver = true
  }

  /** Tells what was kept, if anything; all up to `position` was offered, unless it was full before. Answers whether it did. */
  tell (position: string): boolean {
    if (this.#batch.length === 0) {
      this.position = position
      return false
    }
    this.#settle(this.isFull ? this.position : position)
    return true
  }

  fail (error: unknown): void {
    const taker = this.#taker
    this.#taker = undefined
    taker?.reject(error)
  }

  #settle (position: string): void {
    const [taker, batch] = [this.#taker, this.#batch]
    this.#taker = undefined
    this.#batch = []
    this.#bytes = 0
    this.position = position
    taker?.resolve(batch)
  }
}
