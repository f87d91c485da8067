import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Clock } from '../clock.js'
import { GatewayError } from '../errors.js'
import { outgoing, type Outgoing, type Publisher } from '../events/publisher.js'
import type { Deliveries } from '../storage/deliveries.js'
import type { Feed } from '../storage/feed.js'
import { Delivery, type Attempt, type Pauses } from './delivery.js'

const NAME = 'events'
const READ_AT_ONCE = 200
const PAUSES: Pauses = { firstMs: 500, mostMs: 60_000, refusedMs: 10_000 }
/** How long another gateway leaves the delivery alone which it hears nothing of. */
const LEASE_MS = 6_000
const RENEW_MS = 2_000
// A move is on the disk when it is done: what was acknowledged since the last one is published again after a crash.
const MOVE_MS = 250
// That there is more may be told late, or not at all.
const LOOK_MS = 1_000
const TELL_MS = 60_000
const END_MS = 3_000

const TRIMMED = 'events were not acknowledged for as long as they are kept: whoever gets them misses those, and has to read the contexts ' +
  'anew; it goes on with the oldest that is kept'
const NO_POSITION = 'the position up to which events were published is none of this store, which was restored or replaced: it goes on ' +
  'with the oldest event that is kept'

export interface Publishing {
  readonly feed: Feed
  readonly deliveries: Deliveries
  readonly publisher: Publisher
  readonly clock: Clock
  readonly log: Logger
  readonly pauses?: Pauses
}

/** What was published since the start, in events; `waiting` are those that were read and not acknowledged. */
export interface Published {
  readonly delivered: number
  /** Attempts that failed, and such that were not the first. */
  readonly failed: number
  readonly retried: number
  /** Those that were not acknowledged for as long as they were kept. */
  readonly lost: number
  readonly waiting: number
  /** How old the oldest of those that wait is, in milliseconds. */
  readonly oldest_ms: number
}

/**
 * Publishes what the feed tells, each event at least once, until `stop` is called: from where the delivery has come to, by this gateway or
 * another, and while no other does. What was not acknowledged is published again for as long as the feed has it.
 */
export class Publication {
  readonly #publishing: Publishing
  readonly #owner = randomUUID()
  readonly #ending = new AbortController()
  readonly #working: Promise<void>
  #delivery: Delivery | undefined
  #isWoken = false
  #endPause = () => {}
  /** Whether nothing can be read before something was acknowledged. */
  #isFull = false
  #isFailing = false
  readonly #problems = new Set<string>()
  #counts = { delivered: 0, failed: 0, retried: 0, lost: 0 }

  constructor (publishing: Publishing) {
    this.#publishing = publishing
    this.#working = this.#work()
  }

  get published (): Published {
    const { oldest, waiting = 0 } = this.#delivery ?? {}
    return { ...this.#counts, waiting, oldest_ms: oldest === undefined ? 0 : Math.max(0, this.#publishing.clock.now() - oldest.time) }
  }

  /** Lets what is on the way arrive, for some seconds, and another gateway go on. */
  async stop (): Promise<void> {
    this.#ending.abort()
    this.#wake()
    await this.#working
    await this.#publishing.publisher.close()
  }

  async #work (): Promise<void> {
    const { deliveries, feed, log } = this.#publishing
    const stopListening = feed.listen(() => this.#wake())
    let told = JSON.stringify(this.#counts)
    const telling = setInterval(() => {
      const counts = JSON.stringify(this.#counts)
      if (counts !== told || this.#delivery?.isFailing === true) log.info(this.published, 'events published since the start')
      told = counts
    }, TELL_MS).unref()
    while (!this.#ending.signal.aborted) {
      await this.#asLongAsItIsOurs().catch(error => this.#tellOnce(error, 'events cannot be read now to be published'))
      await this.#pause(RENEW_MS)
    }
    clearInterval(telling)
    stopListening()
    await deliveries.take(NAME, this.#owner, 0).catch(() => {})
  }

  /** Publishes while the delivery is ours, which it is until the lease has run out, or somebody else has it. */
  async #asLongAsItIsOurs (): Promise<void> {
    const { deliveries, publisher, clock, pauses = PAUSES } = this.#publishing
    const leaseEnd = clock.monotonic() + LEASE_MS
    const position = await deliveries.take(NAME, this.#owner, LEASE_MS)
    if (position === undefined) return
    this.#problems.clear()
    const delivery = new Delivery(position, { publisher, clock, pauses, onAttempt: attempt => this.#attempted(attempt) })
    this.#delivery = delivery
    let isOurs = true
    // What is on the way is cut off there: another may publish what comes behind.
    const lose = () => {
      isOurs = false
      this.#wake()
      delivery.stop(0).catch(() => {})
    }
    const loseAt = (time: number) => setTimeout(lose, Math.max(0, time - clock.monotonic()))
    let expiry = loseAt(leaseEnd)
    const renewing = setInterval(() => {
      const until = clock.monotonic() + LEASE_MS
      deliveries.take(NAME, this.#owner, LEASE_MS).then(taken => {
        if (!isOurs) return
        if (taken === undefined) return lose()
        clearTimeout(expiry)
        expiry = loseAt(until)
      }, error => this.#tellOnce(error, 'the right to publish events cannot be renewed'))
    }, RENEW_MS)
    try {
      await this.#deliver(delivery, position, () => isOurs && !this.#ending.signal.aborted)
    } finally {
      isOurs = false
      clearInterval(renewing)
      clearTimeout(expiry)
      this.#delivery = undefined
    }
  }

  async #deliver (delivery: Delivery, position: string, isToGoOn: () => boolean): Promise<void> {
    const { deliveries, clock } = this.#publishing
    let moved = position
    let movedAt = -Infinity
    /** Answers whether it is still ours. */
    const move = async () => {
      const to = delivery.position
      if (to === moved) return true
      movedAt = clock.monotonic()
      const isMoved = await deliveries.move(NAME, this.#owner, moved, to)
      if (isMoved) moved = to
      return isMoved
    }
    try {
      while (isToGoOn()) {
        this.#isFull = delivery.room < READ_AT_ONCE
        const isMore = !this.#isFull && await this.#read(delivery)
        if (clock.monotonic() - movedAt >= MOVE_MS && !await move()) return
        if (!isMore && isToGoOn()) await this.#pause(delivery.position === moved && delivery.waiting === 0 ? LOOK_MS : MOVE_MS)
      }
    } finally {
      await delivery.stop(END_MS)
      // Where that fails some are published again.
      await move().catch(() => {})
    }
  }

  /** Answers whether there may be more, and room for it. */
  async #read (delivery: Delivery): Promise<boolean> {
    const { feed, clock } = this.#publishing
    const { oldest } = delivery
    try {
      // Of what fails for long it may be gone, though it was read.
      if (oldest !== undefined && clock.now() - oldest.time > TELL_MS) await feed.changes(oldest.id, 1)
      return this.#add(delivery, await feed.changes(delivery.readTo, READ_AT_ONCE))
    } catch (error) {
      const { code } = GatewayError.from(error)
      if (code !== 'out_of_range' && code !== 'invalid_argument') throw error
      return await this.#skip(delivery, code === 'out_of_range')
    }
  }

  /** Goes on with what the feed has, where it has not what comes next. */
  async #skip (delivery: Delivery, isTrimmed: boolean): Promise<boolean> {
    const { feed, log } = this.#publishing
    const kept = await feed.changes(undefined, READ_AT_ONCE)
    const lost = isTrimmed ? delivery.giveUp(kept[0]?.position) : 0
    if (kept.length === 0) delivery.skipTo(await feed.last())
    this.#counts.lost += lost
    log.error({ lost }, isTrimmed ? TRIMMED : NO_POSITION)
    return this.#add(delivery, kept.filter(({ position }) => !isTrimmed || position > delivery.readTo))
  }

  #add (delivery: Delivery, changes: Awaited<ReturnType<Feed['changes']>>): boolean {
    delivery.add(changes.map(outgoing))
    return changes.length === READ_AT_ONCE && delivery.room >= READ_AT_ONCE
  }

  #attempted ({ events, isAgain, failure }: Attempt): void {
    const { log } = this.#publishing
    const { length } = events
    if (isAgain) this.#counts.retried += length
    if (failure === undefined) this.#counts.delivered += length
    else this.#counts.failed += length
    if (failure?.code === 'failed_precondition' && !isAgain && length === 1) {
      const [{ id, topic }] = events as [Outgoing]
      log.error({ err: failure, event_id: id, topic }, 'an event is refused; it is published again, ever more seldom')
    }
    if (failure !== undefined) {
      if (!this.#isFailing) log.warn({ err: failure }, 'events cannot be published; they are kept, and published again')
      this.#isFailing = true
    } else if (this.#isFailing && this.#delivery?.isFailing === false) {
      this.#isFailing = false
      log.warn(this.published, 'events can be published again')
    }
    if (this.#isFull && (this.#delivery?.room ?? 0) >= READ_AT_ONCE) this.#wake()
  }

  /** Until there is something to do, and for so long at most. */
  async #pause (ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    if (!this.#isWoken && !this.#ending.signal.aborted) {
      await new Promise<void>(resolve => {
        this.#endPause = resolve
        timer = setTimeout(resolve, ms)
      })
    }
    clearTimeout(timer)
    this.#isWoken = false
  }

  #wake (): void {
    this.#isWoken = true
    this.#endPause()
  }

  #tellOnce (error: unknown, message: string): void {
    const { code } = GatewayError.from(error)
    if (this.#problems.has(`${message} ${code}`)) return
    this.#problems.add(`${message} ${code}`)
    this.#publishing.log.error({ err: error }, message)
  }
}
