import type { Clock } from '../clock.js'
import type { Deliveries } from '../storage/deliveries.js'
import type { Feed } from '../storage/feed.js'
import { closed } from '../storage/refusals.js'

/** Up to where each delivery has come, by its name. */
export type Positions = Readonly<Record<string, string>>

/** Where positions are kept, durably. */
export interface PositionKeeper {
  read (): Promise<Positions>
  write (positions: Positions): Promise<void>
}

/** The deliveries of an engine that one process has to itself: who makes them is known here alone, and forgotten when it ends. */
export class LocalDeliveries implements Deliveries {
  readonly #feed: Pick<Feed, 'last'>
  readonly #clock: Clock
  readonly #keeper: PositionKeeper
  readonly #owners = new Map<string, { readonly owner: string, readonly until: number }>()
  #positions: Positions | undefined
  #working: Promise<unknown> = Promise.resolve()
  #open = true

  constructor (feed: Pick<Feed, 'last'>, clock: Clock, keeper: PositionKeeper = { read: async () => ({}), write: async () => {} }) {
    this.#feed = feed
    this.#clock = clock
    this.#keeper = keeper
  }

  take (name: string, owner: string, ms: number): Promise<string | undefined> {
    return this.#inTurn(async () => {
      const now = this.#clock.monotonic()
      const held = this.#owners.get(name)
      if (held !== undefined && held.owner !== owner && held.until > now) return undefined
      this.#positions ??= await this.#keeper.read()
      if (this.#positions[name] === undefined) await this.#write(name, await this.#feed.last())
      this.#owners.set(name, { owner, until: now + ms })
      return this.#positions[name]
    })
  }

  move (name: string, owner: string, from: string, to: string): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#owners.get(name)?.owner !== owner || this.#positions?.[name] !== from) return false
      await this.#write(name, to)
      return true
    })
  }

  async close (): Promise<void> {
    this.#open = false
    await this.#working
  }

  async #write (name: string, position: string): Promise<void> {
    const positions = { ...this.#positions, [name]: position }
    await this.#keeper.write(positions)
    this.#positions = positions
  }

  #inTurn<T> (work: () => Promise<T>): Promise<T> {
    if (!this.#open) return Promise.reject(closed())
    const done = this.#working.then(work)
    this.#working = done.catch(() => {})
    return done
  }
}
