import type { Clock } from '../clock.js'
import { GatewayError } from '../errors.js'
import type { Outgoing, Publisher } from '../events/publisher.js'

/** How long to wait before an event is published again: a random part of a time that doubles, up to the most of it. In milliseconds. */
export interface Pauses {
  readonly firstMs: number
  readonly mostMs: number
  /** Of what was refused: to repeat that seldom helps, until somebody has done something about it. */
  readonly refusedMs: number
}

export interface Delivering {
  readonly publisher: Publisher
  readonly clock: Clock
  readonly pauses: Pauses
  /** Is called after each attempt. */
  readonly onAttempt: (attempt: Attempt) => void
}

export interface Attempt {
  readonly events: readonly Outgoing[]
  readonly isAgain: boolean
  /** Absent where all were acknowledged. */
  readonly failure: GatewayError | undefined
}

interface Item {
  readonly event: Outgoing
  /** The position before it. */
  readonly before: string
  /** Whether it was refused together with others, and now goes by itself. */
  isAlone: boolean
}

interface Parcel {
  items: readonly Item[]
  attempts: number
  isRefused: boolean
  /** When it may be published next. */
  due: number
  startedAt: number
}

const AT_ONCE = 16
const MOST_WAITING = 1_000
const MOST_BYTES = 256 * 1024
const MOST_RETRY_AFTER_MS = 300_000

/**
 * Publishes what it is given until it is stopped: what is about one resource in order, the rest beside it. What fails is repeated, in the
 * same company, and holds up nothing but what is about the same; where nothing goes through, one attempt at a time is made, ever more
 * seldom.
 */
export class Delivery {
  readonly #options: Delivering
  /** All that is not acknowledged, in the order of the feed. */
  readonly #waiting = new Set<Item>()
  #fresh: Item[] = []
  readonly #flying = new Map<Parcel, { readonly ending: AbortController, readonly done: Promise<void> }>()
  readonly #resting = new Set<Parcel>()
  /** What is about these has to wait. */
  readonly #held = new Set<string>()
  #readTo: string
  /** How often in a row one after the other failed. */
  #rounds = 0
  #failedAt = -Infinity
  #lastFailed: Parcel | undefined
  /** Until then nothing is published. */
  #closedUntil = -Infinity
  #timer: NodeJS.Timeout | undefined

  constructor (position: string, options: Delivering) {
    this.#readTo = position
    this.#options = options
  }

  /** All up to there is acknowledged. */
  get position (): string {
    const [oldest] = this.#waiting
    return oldest === undefined ? this.#readTo : oldest.before
  }

  /** Up to where it was given events. */
  get readTo (): string {
    return this.#readTo
  }

  get waiting (): number {
    return this.#waiting.size
  }

  /** The oldest event that waits. */
  get oldest (): Outgoing | undefined {
    const [oldest] = this.#waiting
    return oldest?.event
  }

  /** How many events it takes now. */
  get room (): number {
    return MOST_WAITING - this.#waiting.size
  }

  /** Whether something has failed that was not acknowledged since. */
  get isFailing (): boolean {
    return this.#resting.size > 0 || this.#rounds > 0
  }

  /** Takes the events that come next in the feed. */
  add (events: readonly Outgoing[]): void {
    for (const event of events) {
      const item = { event, before: this.#readTo, isAlone: false }
      this.#waiting.add(item)
      this.#fresh.push(item)
      this.#readTo = event.id
    }
    this.#go()
  }

  /** Goes on behind that position, where nothing is before it. */
  skipTo (position: string): void {
    this.#readTo = position
  }

  /** Gives up what is before that position, or all, but what is being published just now. Answers how many that were. */
  giveUp (position: string | undefined): number {
    const isOver = ({ event }: Item) => position === undefined || event.id < position
    const over = [...this.#fresh, ...[...this.#resting].flatMap(({ items }) => items)].filter(isOver)
    for (const item of over) this.#waiting.delete(item)
    this.#fresh = this.#fresh.filter(item => !isOver(item))
    for (const parcel of this.#resting) {
      if (!parcel.items.some(isOver)) continue
      this.#rest(parcel, false)
      const left = parcel.items.filter(item => !isOver(item))
      if (left.length > 0) this.#rest(Object.assign(parcel, { items: left }), true)
    }
    return over.length
  }

  /** Publishes nothing new. Resolves when what is being published has ended, which is cut off after so many milliseconds. */
  async stop (ms: number): Promise<void> {
    const flights = [...this.#flying.values()]
    clearTimeout(this.#timer)
    this.#closedUntil = Infinity
    const timer = setTimeout(() => { for (const { ending } of flights) ending.abort() }, ms)
    await Promise.all(flights.map(({ done }) => done))
    clearTimeout(timer)
  }

  #go (): void {
    const now = this.#options.clock.monotonic()
    clearTimeout(this.#timer)
    while (now >= this.#closedUntil && this.#flying.size < (this.#rounds > 1 ? 1 : AT_ONCE)) {
      const parcel = this.#due(now) ?? this.#gather()
      if (parcel === undefined) break
      const ending = new AbortController()
      this.#flying.set(parcel, { ending, done: this.#fly(parcel, now, ending.signal) })
    }
    if (this.#closedUntil === Infinity) return
    const next = Math.max(this.#closedUntil, Math.min(...[...this.#resting].map(({ due }) => due), this.#fresh.length > 0 ? now : Infinity))
    if (next > now && next < Infinity) this.#timer = setTimeout(() => this.#go(), next - now).unref()
  }

  #due (now: number): Parcel | undefined {
    for (const parcel of this.#resting) {
      if (parcel.due > now) continue
      this.#resting.delete(parcel)
      return parcel
    }
    return undefined
  }

  /** What can be published together: of each resource the oldest, and what follows that. */
  #gather (): Parcel | undefined {
    const { most } = this.#options.publisher
    const items: Item[] = []
    const passed = new Set<string>()
    let bytes = 0
    for (const item of this.#fresh) {
      const { about } = item.event
      if (this.#held.has(about) || passed.has(about)) continue
      if (item.isAlone && items.length > 0) {
        passed.add(about)
        continue
      }
      bytes += item.event.json.length
      if (bytes > MOST_BYTES && items.length > 0) break
      items.push(item)
      if (item.isAlone || items.length >= most) break
    }
    if (items.length === 0) return undefined
    const taken = new Set(items)
    this.#fresh = this.#fresh.filter(item => !taken.has(item))
    for (const { event } of items) this.#held.add(event.about)
    return { items, attempts: 0, isRefused: false, due: 0, startedAt: 0 }
  }

  async #fly (parcel: Parcel, now: number, signal: AbortSignal): Promise<void> {
    parcel.startedAt = now
    const events = parcel.items.map(({ event }) => event)
    const failure = await this.#options.publisher.publish(events, signal).then(() => undefined, GatewayError.from)
    this.#flying.delete(parcel)
    if (failure !== undefined && signal.aborted) return
    if (failure === undefined) this.#acknowledged(parcel)
    else this.#failed(parcel, failure)
    this.#options.onAttempt({ events, isAgain: parcel.attempts > 0, failure })
    parcel.attempts++
    this.#go()
  }

  #acknowledged (parcel: Parcel): void {
    for (const item of parcel.items) {
      this.#waiting.delete(item)
      this.#held.delete(item.event.about)
    }
    // It is back: nobody has to wait for as long as it was away.
    if (this.#rounds > 1) for (const other of this.#resting) if (!other.isRefused) other.due = 0
    this.#rounds = 0
    this.#lastFailed = undefined
    if (this.#closedUntil < Infinity) this.#closedUntil = -Infinity
  }

  #failed (parcel: Parcel, failure: GatewayError): void {
    const { clock, pauses } = this.#options
    const now = clock.monotonic()
    const retryAfterMs = Math.min((failure.retryAfterSeconds ?? 0) * 1_000, MOST_RETRY_AFTER_MS)
    parcel.isRefused = failure.code === 'failed_precondition'
    if (parcel.isRefused && parcel.items.length > 1) {
      // None of them was taken: whose fault it is will be seen.
      for (const item of parcel.items) {
        item.isAlone = true
        this.#held.delete(item.event.about)
      }
      this.#fresh.unshift(...parcel.items)
    } else {
      const pause = this.#pause(parcel.isRefused ? pauses.refusedMs : pauses.firstMs, parcel.attempts)
      parcel.due = now + Math.max(retryAfterMs, pause)
      this.#rest(parcel, true)
    }
    // Those that were on the way together are one failure, and so is one that fails again and again beside others that do not.
    if (parcel.startedAt >= this.#failedAt && parcel !== this.#lastFailed) this.#rounds++
    this.#failedAt = now
    this.#lastFailed = parcel
    const until = now + Math.max(retryAfterMs, this.#rounds > 1 ? this.#pause(pauses.firstMs, this.#rounds - 1) : 0)
    this.#closedUntil = Math.max(this.#closedUntil, until)
  }

  #pause (firstMs: number, times: number): number {
    return Math.random() * Math.min(firstMs * 2 ** times, Math.max(this.#options.pauses.mostMs, firstMs))
  }

  #rest (parcel: Parcel, isResting: boolean): void {
    if (isResting) this.#resting.add(parcel)
    else this.#resting.delete(parcel)
    for (const { event } of parcel.items) {
      if (isResting) this.#held.add(event.about)
      else this.#held.delete(event.about)
    }
  }
}
