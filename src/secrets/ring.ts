import type { KeyObject } from 'node:crypto'
import { GatewayError } from '../errors.js'
import { destroyed, isActive, rotated, withoutMaterial, type KeyInfo, type KeyRows, type RetiredKey } from './key-row.js'
import { RingFile } from './ring-file.js'
import { ringKey, type RingKey } from './ring-key.js'

export interface KeyRingOptions {
  readonly file: string
  /** Wraps the material of every key in the file. */
  readonly rootKey?: KeyObject | undefined
  /** Whether the file is made where it is absent; it is, where that is not said. */
  readonly mayBegin?: boolean
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

// How long a change by another process may go unseen.
const LOOK_MS = 1_000

/**
 * The keys that seal contexts, in a file that several processes may use. While that file cannot be used the ring seals
 * nothing, and opens only with the keys that it had read before.
 */
export class KeyRing {
  readonly #file: RingFile
  readonly #now: () => number
  #rows: KeyRows = []
  #keys: ReadonlyMap<string, RingKey> = new Map()
  #current: RingKey | undefined
  #problem: GatewayError | undefined
  #lookedAt = -Infinity

  private constructor ({ file, rootKey, now = Date.now }: KeyRingOptions) {
    this.#file = new RingFile(file, rootKey)
    this.#now = now
  }

  /**
   * Makes the file where it is absent and may be made, and wraps one that is in clear where there is a root key. Where
   * the file cannot be used it resolves all the same, and `problem` says why.
   */
  static async open (options: KeyRingOptions): Promise<KeyRing> {
    const { mayBegin = true } = options
    const ring = new KeyRing(options)
    try {
      await ring.#file.open(mayBegin ? rotated([], ring.#now()) : undefined)
      ring.refresh()
    } catch (error) {
      ring.#problem = GatewayError.from(error)
    }
    return ring
  }

  /** Whether it can seal. */
  get usable (): boolean {
    return this.#problem === undefined
  }

  /** Why it cannot seal and what to do about it, for the log: it names the file. */
  get problem (): string | undefined {
    return this.#problem?.message
  }

  /** The key to seal with now. @throws `unavailable` */
  current (): RingKey {
    this.#look()
    if (this.usable && this.#current !== undefined) return this.#current
    throw this.#unavailable('no key can seal now')
  }

  /** The key `id`, active or retired. @throws `unavailable` naming `id` */
  key (id: string): RingKey {
    this.#look()
    if (!this.#keys.has(id)) this.refresh()
    const key = this.#keys.get(id)
    if (key === undefined) throw this.#unavailable(`the key '${id}' cannot be had`, this.#rows.some(row => row.id === id))
    return key
  }

  /** Every key that the ring ever had, oldest first. */
  list (): KeyInfo[] {
    return this.#rows.map(withoutMaterial)
  }

  /** Reads the file again where it has changed. `current` and `key` see to it themselves, at most a second late. */
  refresh (): void {
    this.#lookedAt = this.#now()
    try {
      const rows = this.#file.readIfChanged()
      if (rows !== undefined) this.#adopt(rows)
    } catch (error) {
      this.#problem = GatewayError.from(error)
    }
  }

  /** Has a new key seal from now on; what older keys sealed stays readable. @throws `unavailable` with what to do */
  async rotate (): Promise<RingKey> {
    await this.#change(rows => rotated(rows, this.#now()))
    return this.current()
  }

  /** As `rotate`, but only where the active key is that old; else `undefined`. */
  async rotateIfOlderThan (milliseconds: number): Promise<RingKey | undefined> {
    let rotates = this.#isDue(this.#rows, milliseconds)
    if (!rotates && this.usable) return undefined
    await this.#change(rows => {
      // Another process may have been faster.
      rotates = this.#isDue(rows, milliseconds)
      return rotates ? rotated(rows, this.#now()) : rows
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
      return doomed.length === 0 ? rows : destroyed(rows, doomed, this.#now())
    })
    return doomed.map(({ id }) => id)
  }

  async #change (edit: (rows: KeyRows) => KeyRows): Promise<void> {
    await this.#file.change(edit)
    this.refresh()
  }

  #isDue (rows: KeyRows, milliseconds: number): boolean {
    return rows.some(row => isActive(row) && this.#now() - Date.parse(row.created_at) >= milliseconds)
  }

  #look (): void {
    // A clock may also be set back.
    if (Math.abs(this.#now() - this.#lookedAt) >= LOOK_MS) this.refresh()
  }

  #adopt (rows: KeyRows): void {
    const keys = rows.flatMap(row => row.state === 'destroyed' ? [] : ringKey(row.id, Buffer.from(row.material, 'base64')))
    this.#keys = new Map(keys.map(key => [key.id, key]))
    this.#current = this.#keys.get(rows.find(isActive)!.id)
    this.#rows = rows
    this.#problem = undefined
  }

  /** What a client may read: why it is so stands in the log, and in the cause. */
  #unavailable (what: string, isDestroyed = false): GatewayError {
    const why = isDestroyed
      ? 'it was destroyed, and what it sealed is lost for ever'
      : this.usable ? 'it is not in the key ring; restore the ring that has it' : 'the key ring is out of order; the log says how to mend it'
    return new GatewayError('unavailable', `${what}: ${why}`, { cause: this.#problem })
  }
}
