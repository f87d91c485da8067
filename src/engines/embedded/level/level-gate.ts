/** Lets reads run side by side, and whatever closes the database run alone, so that it takes it from no reader. */
export class LevelGate {
  #reads = 0
  #alone: Promise<void> | undefined
  #idle = () => {}

  /** Whether something runs alone, or waits to. */
  get shut (): boolean {
    return this.#alone !== undefined
  }

  /** Runs `read` now or, while something runs alone, after it. */
  async read<T> (read: () => Promise<T>): Promise<T> {
    while (this.#alone !== undefined) await this.#alone
    this.#reads++
    try {
      return await read()
    } finally {
      if (--this.#reads === 0) this.#idle()
    }
  }

  /** Runs `work` once the reads that have begun are done. Call it again only when it has settled. */
  async alone (work: () => Promise<void>): Promise<void> {
    let open = () => {}
    this.#alone = new Promise(resolve => { open = resolve })
    try {
      if (this.#reads > 0) await new Promise<void>(resolve => { this.#idle = resolve })
      await work()
    } finally {
      this.#alone = undefined
      open()
    }
  }
}
