import { GatewayError } from '../../errors.js'

const MOST_IN_A_BATCH = 512

interface Waiting<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/**
 * Has what is asked for in one turn, and while enough batches are at work, done as one batch by `work`, which answers in that order.
 * Two are at work at once: so the server need not wait while the next is made ready here. What cannot be done fails alone.
 */
export class Batcher<Item, Result> {
  readonly #work: (items: readonly Item[]) => Promise<readonly Result[]>
  #waiting: Array<Waiting<Item, Result>> = []
  readonly #working = new Set<Promise<void>>()
  #turn: Promise<void> | undefined

  constructor (work: (items: readonly Item[]) => Promise<readonly Result[]>) {
    this.#work = work
  }

  ask (item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#beginSoon()
    })
  }

  /** Resolves when all that was asked for is settled. */
  async settled (): Promise<void> {
    for (;;) {
      await this.#turn
      if (this.#working.size === 0) return
      await Promise.all(this.#working)
    }
  }

  #beginSoon (): void {
    this.#turn ??= new Promise(resolve => setImmediate(() => {
      this.#turn = undefined
      while (this.#working.size < 2 && this.#waiting.length > 0) this.#begin(this.#waiting.splice(0, MOST_IN_A_BATCH))
      resolve()
    }))
  }

  #begin (batch: ReadonlyArray<Waiting<Item, Result>>): void {
    const working = this.#do(batch).then(() => {
      this.#working.delete(working)
      this.#beginSoon()
    })
    this.#working.add(working)
  }

  async #do (batch: ReadonlyArray<Waiting<Item, Result>>): Promise<void> {
    try {
      const results = await this.#work(batch.map(({ item }) => item))
      batch.forEach(({ resolve }, index) => resolve(results[index]!))
    } catch (error) {
      const isOfOne = batch.length > 1 && error instanceof GatewayError && error.code === 'internal'
      if (isOfOne) for (const waiting of batch) await this.#do([waiting])
      else for (const { reject } of batch) reject(error)
    }
  }
}
