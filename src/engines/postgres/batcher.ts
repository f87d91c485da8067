const MOST_AT_ONCE = 512

interface Waiting<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/** Has what is asked for in one turn, and while the batch before is at work, done as one batch by `work`, which answers in that order. */
export class Batcher<Item, Result> {
  readonly #work: (items: readonly Item[]) => Promise<readonly Result[]>
  #waiting: Array<Waiting<Item, Result>> = []
  #draining: Promise<void> | undefined

  constructor (work: (items: readonly Item[]) => Promise<readonly Result[]>) {
    this.#work = work
  }

  ask (item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#draining ??= this.#drain()
    })
  }

  /** Resolves when all that was asked for is settled. */
  async settled (): Promise<void> {
    await this.#draining
  }

  async #drain (): Promise<void> {
    await new Promise(resolve => setImmediate(resolve))
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MOST_AT_ONCE)
      try {
        const results = await this.#work(batch.map(({ item }) => item))
        batch.forEach(({ resolve }, index) => resolve(results[index]!))
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#draining = undefined
  }
}
