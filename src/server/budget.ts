/** Who holds bytes of a budget. */
export interface Holder {
  /** In whose name it holds them. */
  readonly owner: string
  /** Asks for its bytes. It releases them at once where it can. */
  giveWay (): void
}

/**
 * Bytes that many hold, all together at most `most`: beyond that those are asked to give way who have held some for
 * longest. So nobody who holds on keeps out those who come and go.
 */
export class Budget {
  readonly #most: number
  #held = 0
  readonly #holders = new Map<Holder, number>()
  readonly #owners = new Map<string, number>()

  constructor (most: number) {
    this.#most = most
  }

  /** The bytes that are held in the name of `owner`. */
  heldBy (owner: string): number {
    return this.#owners.get(owner) ?? 0
  }

  /** From now on `holder` holds `bytes`, whatever it held before. */
  hold (holder: Holder, bytes: number): void {
    this.#add(holder, bytes - (this.#holders.get(holder) ?? 0))
    this.#holders.set(holder, bytes)
    if (this.#held > this.#most) this.#makeRoom()
  }

  release (holder: Holder): void {
    const bytes = this.#holders.get(holder)
    if (bytes === undefined) return
    this.#holders.delete(holder)
    this.#add(holder, -bytes)
  }

  #add ({ owner }: Holder, bytes: number): void {
    this.#held += bytes
    const ofOwner = this.heldBy(owner) + bytes
    if (ofOwner === 0) this.#owners.delete(owner)
    else this.#owners.set(owner, ofOwner)
  }

  #makeRoom (): void {
    for (const holder of this.#holders.keys()) {
      if (this.#held <= this.#most) return
      holder.giveWay()
    }
  }
}
