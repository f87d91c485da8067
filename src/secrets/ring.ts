import { systemClock, type Clock } from '../clock.js'
import { andThen, type Awaitable } from '../awaitable.js'
import { GatewayError } from '../errors.js'
import { destroyed, isActive, rotated, withoutMaterial, type KeyInfo, type KeyRows, type RetiredKey } from './key-row.js'
import type { RingKey } from './ring-key.js'
import type { RingStore } from './ring-store.js'
import { keysById, type Keys } from './keys.js'

export interface KeyRingOptions {
  readonly store: RingStore
  /** Whether a ring is made where there is none; it is, where that is not said. */
  readonly mayBegin?: boolean
  /** Milliseconds since 1970. */
  readonly clock?: Clock
}

// How long a change by another process may go unseen.
const LOOK_MS = 1_000

/**
 * The keys that seal contexts. While what they are kept in cannot be used the ring seals nothing, and opens only with the
 * keys that it had read before.
 */
export class KeyRing implements Keys {
  readonly #store: RingStore
  readonly #clock: Clock
  #rows: KeyRows = []
  #keys: ReadonlyMap<string, RingKey> = new Map()
  #current: RingKey | undefined
  #problem: GatewayError | undefined
  #lookedAt = -Infinity
  /** While the keys are being read. */
  #reading: Promise<void> | undefined
  /** When they will have been read once more. */
  #next: Promise<void> | undefined
  #listener = () => {}

  private constructor ({ store, clock = systemClock }: KeyRingOptions) {
    this.#store = store
    this.#clock = clock
  }

  /** Makes the ring where there is none and it may be made. Where it cannot be used `problem` says why. */
  static async open (options: KeyRingOptions): Promise<KeyRing> {
    const { mayBegin = true } = options
    const ring = new KeyRing(options)
    try {
      await ring.#store.begin(mayBegin ? rotated([], ring.#clock.now()) : undefined)
      await ring.refresh()
    } catch (error) {
      ring.#problem = GatewayError.from(error)
    }
    return ring
  }

  /** Whether it can seal. */
  get usable (): boolean {
    return this.#problem === undefined
  }

  /** Why it cannot seal and what to do about it, for the log. */
  get problem (): string | undefined {
    return this.#problem?.message
  }

  /** The key to seal with now: at once, unless the keys must be read and that takes time. @throws `unavailable` */
  current (): Awaitable<RingKey> {
    return andThen(this.#look(), () => {
      if (this.usable && this.#current !== undefined) return this.#current
      throw this.#unavailable('no key can seal now')
    })
  }

  /** The key `id`, active or retired: at once, as `current`. @throws `unavailable` naming `id` */
  key (id: string): Awaitable<RingKey> {
    return andThen(this.#look(), () => this.#keys.get(id) ?? andThen(this.refresh(), () => {
      const key = this.#keys.get(id)
      if (key === undefined) throw this.#unavailable(`the key '${id}' cannot be had`, this.#rows.some(row => row.id === id))
      return key
    }))
  }

  /** Has `listener` called whenever other keys were read, whoever changed them. */
  listen (listener: () => void): void {
    this.#listener = listener
  }

  /** Every key that the ring ever had, oldest first. */
  list (): KeyInfo[] {
    return this.#rows.map(withoutMaterial)
  }

  /** Reads the keys again where they have changed. `current` and `key` see to it themselves, at most a second late. */
  refresh (): Awaitable<void> {
    if (this.#reading === undefined) return this.#read()
    // What is being read now may be older than what the caller knows of.
    this.#next ??= this.#reading.then(() => {
      this.#next = undefined
      return this.#read()
    })
    return this.#next
  }

  /** Has a new key seal from now on; what older keys sealed stays readable. @throws `unavailable` with what to do */
  async rotate (): Promise<RingKey> {
    await this.#change(rows => rotated(rows, this.#clock.now()))
    return this.current()
  }

  /** As `rotate`, but only where the active key is that old, or that far in the future: a clock was wrong then; else `undefined`. */
  async rotateIfOlderThan (milliseconds: number): Promise<RingKey | undefined> {
    let rotates = this.#isDue(this.#rows, milliseconds)
    if (!rotates && this.usable) return undefined
    await this.#change(rows => {
      // Another process may have been faster.
      rotates = this.#isDue(rows, milliseconds)
      return rotates ? rotated(rows, this.#clock.now()) : rows
    })
    return rotates ? this.current() : undefined
  }

  /**
   * Destroys the retired keys that `mayDestroy` says yes to, and resolves with their ids when that is durable: nothing
   * that they sealed can be read again. @throws `unavailable` with what to do
   */
  async prune (mayDestroy: (key: RetiredKey) => boolean): Promise<string[]> {
    let doomed: RetiredKey[] = []
    await this.#change(rows => {
      doomed = rows.map(withoutMaterial).filter(key => key.state === 'retired').filter(mayDestroy)
      return doomed.length === 0 ? rows : destroyed(rows, doomed, this.#clock.now())
    })
    return doomed.map(({ id }) => id)
  }

  async #change (edit: (rows: KeyRows) => KeyRows): Promise<void> {
    await this.#store.change(edit)
    await this.refresh()
  }

  #isDue (rows: KeyRows, milliseconds: number): boolean {
    return rows.some(row => isActive(row) && Math.abs(this.#clock.now() - Date.parse(row.created_at)) >= milliseconds)
  }

  #look (): Awaitable<void> {
    // A clock may also be set back.
    if (Math.abs(this.#clock.now() - this.#lookedAt) >= LOOK_MS) return this.refresh()
  }

  #read (): Awaitable<void> {
    this.#lookedAt = this.#clock.now()
    const fail = (error: unknown) => { this.#problem = GatewayError.from(error) }
    try {
      const rows = this.#store.readIfChanged()
      if (!(rows instanceof Promise)) return this.#adopt(rows)
      this.#reading = rows.then(rows => this.#adopt(rows)).catch(fail).finally(() => { this.#reading = undefined })
      return this.#reading
    } catch (error) {
      fail(error)
    }
  }

  #adopt (rows: KeyRows | undefined): void {
    if (rows === undefined) return
    this.#keys = keysById(rows)
    this.#current = this.#keys.get(rows.find(isActive)!.id)
    this.#rows = rows
    this.#problem = undefined
    this.#listener()
  }

  /** What a client may read: why it is so stands in the log, and in the cause. */
  #unavailable (what: string, isDestroyed = false): GatewayError {
    const notThere = this.usable
      ? 'it is not in the key ring; restore the ring that has it'
      : 'the key ring is out of order; the log says how to mend it'
    const why = isDestroyed ? 'it was destroyed, and what it sealed is lost for ever' : notThere
    return new GatewayError('unavailable', `${what}: ${why}`, { cause: this.#problem })
  }
}
