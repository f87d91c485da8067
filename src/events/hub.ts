import { GatewayError } from '../errors.js'
import { readResourceEvent } from '../resource/resource-event.js'
import type { Change, Feed } from '../storage/feed.js'
import { Subscription, type Reader, type ToldEvent, type Wanted } from './subscription.js'

const AT_ONCE = 500
// That there is more may be told late, or not at all where a connection was lost.
const LOOK_MS = 1_000

/**
 * Reads the feed once for all who follow it. Those who are behind the others are read for together, from where the last of them is. Nothing
 * is kept here for anybody: who does not take what comes is behind.
 */
export class Hub implements Reader {
  readonly #feed: Feed
  readonly #stopListening: () => void
  /** Who waits, by the id that it wants; under no id who wants those of any. */
  readonly #waiting = new Map<string | undefined, Set<Subscription>>()
  /** Those of them that may have to be told something that was read before. */
  readonly #behind = new Set<Subscription>()
  #count = 0
  /** Up to where it was read for the others. */
  #position = ''
  #isMore = false
  #reading: Promise<void> | undefined
  #looking: NodeJS.Timeout | undefined
  #isClosed = false

  constructor (feed: Feed) {
    this.#feed = feed
    this.#stopListening = feed.listen(() => this.#look())
  }

  /**
   * Follows what is wanted: all behind the position `after`, or from now on.
   * @throws `invalid_argument` where that is no position, `out_of_range` where what came after it is no longer kept
   */
  async follow (wanted: Wanted, after?: string): Promise<Subscription> {
    if (after !== undefined) await this.#feed.changes(after, 1)
    return new Subscription(wanted, after ?? await this.#feed.last(), this)
  }

  wait (subscription: Subscription): void {
    if (this.#isClosed) return subscription.close()
    const { wanted: { id }, position } = subscription
    const others = this.#waiting.get(id)
    if (others === undefined) this.#waiting.set(id, new Set([subscription]))
    else others.add(subscription)
    this.#count++
    if (position === this.#position && !this.#isMore && !subscription.isImpatient) return
    if (position !== this.#position || subscription.isImpatient) this.#behind.add(subscription)
    this.#look()
  }

  leave (subscription: Subscription): void {
    const { id } = subscription.wanted
    const others = this.#waiting.get(id)
    if (others?.delete(subscription) !== true) return
    this.#count--
    if (others.size === 0) this.#waiting.delete(id)
    this.#behind.delete(subscription)
  }

  /** Ends all that is followed. */
  close (): void {
    this.#isClosed = true
    this.#stopListening()
    clearTimeout(this.#looking)
    for (const subscription of [...this.#all()]) subscription.close()
  }

  #look (): void {
    this.#isMore = true
    this.#begin()
  }

  /** Reads, unless that goes on already, as long as somebody waits for it. */
  #begin (): void {
    if (this.#count === 0 || this.#isClosed) return
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined
      // Somebody may have come when it was just ending.
      if (this.#behind.size > 0 || this.#isMore) this.#begin()
    })
  }

  async #readOn (): Promise<void> {
    // One turn of the event loop lets who comes at the same time be read for together.
    await new Promise(resolve => setImmediate(resolve))
    while (this.#count > 0 && (this.#behind.size > 0 || this.#isMore)) {
      const from = this.#first()
      const isEnd = from === this.#position
      if (isEnd) this.#isMore = false
      try {
        const changes = await this.#feed.changes(from, AT_ONCE)
        if (this.#isClosed) return
        this.#tell(from, changes)
        if (isEnd && changes.length === AT_ONCE) this.#isMore = true
      } catch (error) {
        if (this.#fail(from, error)) continue
        this.#isMore = false
        break
      }
    }
    clearTimeout(this.#looking)
    if (this.#count > 0) this.#looking = setTimeout(() => this.#look(), LOOK_MS).unref()
  }

  /** From where to read on. */
  #first (): string {
    let first = this.#behind.size === this.#count ? undefined : this.#position
    for (const { position } of this.#behind) if (first === undefined || position < first) first = position
    return first!
  }

  /** Tells what is behind `from` to all who want it. */
  #tell (from: string, changes: readonly Change[]): void {
    const end = changes.at(-1)?.position ?? from
    const told = new Set<Subscription>()
    for (const change of changes) {
      for (const subscription of this.#concerned(change)) {
        if (subscription.isFull || change.position <= this.#toldTo(subscription)) continue
        const event = eventOf(change)
        if (!subscription.wants(event.event)) continue
        subscription.offer(event, change.event?.data.length ?? 0)
        told.add(subscription)
      }
    }
    const position = end > this.#position ? end : this.#position
    for (const subscription of told) {
      this.leave(subscription)
      subscription.tell(end)
    }
    for (const subscription of this.#behind) {
      if (subscription.position < end) subscription.tell(end)
      if (subscription.position < position) continue
      this.#behind.delete(subscription)
      if (subscription.isImpatient) subscription.close()
    }
    this.#position = position
  }

  /** Has those whose place cannot be read from know that. Answers whether there were such, and it can be read on for others. */
  #fail (from: string, error: unknown): boolean {
    const { code } = GatewayError.from(error)
    const isGone = code === 'out_of_range' || code === 'invalid_argument'
    const failed = [...isGone ? this.#all() : this.#behind].filter(subscription => !isGone || this.#toldTo(subscription) === from)
    for (const subscription of failed) {
      this.leave(subscription)
      subscription.fail(error)
    }
    return isGone && failed.length > 0
  }

  #toldTo (subscription: Subscription): string {
    const { position } = subscription
    return this.#behind.has(subscription) || position > this.#position ? position : this.#position
  }

  * #concerned ({ event }: Change): Generator<Subscription> {
    if (event === undefined) return yield * this.#all()
    yield * this.#waiting.get(event.id) ?? []
    yield * this.#waiting.get(undefined) ?? []
  }

  * #all (): Generator<Subscription> {
    for (const some of this.#waiting.values()) yield * some
  }
}

const eventOf = ({ position, time, event }: Change): ToldEvent => ({ position, time, event: event && readResourceEvent(event) })
