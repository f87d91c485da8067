import type { Level } from 'level'
import { storeFailure } from './level-errors.js'
import type { LevelGate } from './level-gate.js'
import type { LevelReader } from './level-reader.js'
import { assertReopenable } from './level-probe.js'
import { closed } from './refusals.js'

export type Operation =
  | { readonly type: 'put', readonly key: string, readonly value: Buffer }
  | { readonly type: 'del', readonly key: string }

/** A conditional change: looks at the values of `keys` as they will be when it is its turn, and decides. */
export interface Change<Result> {
  readonly keys: readonly string[]
  /** Answers what to write and what to tell the caller, or throws what to refuse it with. */
  decide (read: (key: string) => Buffer | undefined): { operations: Operation[], result: Result }
}

interface Queued<Result> {
  readonly change: Change<Result>
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

const MOST_CHANGES_AT_ONCE = 512

/**
 * LevelDB's batches are atomic but not conditional, and it has one writer. So changes stand in one queue, which
 * checks the conditions of all that wait and writes what they decide as one synced batch (group commit).
 */
export class LevelWriter {
  readonly #db: Level<string, Buffer>
  readonly #reader: LevelReader
  readonly #gate: LevelGate
  #queue: Array<Queued<any>> = []
  #draining: Promise<void> | undefined
  #open = true
  #failed = false

  constructor (db: Level<string, Buffer>, reader: LevelReader, gate: LevelGate) {
    this.#db = db
    this.#reader = reader
    this.#gate = gate
  }

  /** Resolves with the change's result when it is durable. */
  apply<Result> (change: Change<Result>): Promise<Result> {
    if (!this.#open) return Promise.reject(closed())
    return new Promise((resolve, reject) => {
      this.#queue.push({ change, resolve, reject })
      this.#draining ??= this.#drain()
    })
  }

  /** Resolves when all that was accepted is settled; accepts nothing more. */
  async close (): Promise<void> {
    this.#open = false
    await this.#draining
  }

  async #drain (): Promise<void> {
    // One turn of the event loop lets everything that has already arrived join the first batch.
    await new Promise(resolve => setImmediate(resolve))
    while (this.#queue.length > 0) await this.#commit(this.#queue.splice(0, MOST_CHANGES_AT_ONCE))
    this.#draining = undefined
  }

  /** Settles every one of `changes`, refusals too only once the batch is durable: what they refer to may be in it. */
  async #commit (changes: Array<Queued<any>>): Promise<void> {
    try {
      if (this.#failed) await this.#recover()
      const state = await this.#read(changes.flatMap(({ change }) => change.keys))
      const batch: Operation[] = []
      const settle = changes.map(({ change, resolve, reject }) => {
        try {
          const { operations, result } = change.decide(key => state.get(key)?.())
          for (const operation of operations) state.set(operation.key, () => operation.type === 'put' ? operation.value : undefined)
          batch.push(...operations)
          return () => resolve(result)
        } catch (refusal) {
          return () => reject(refusal)
        }
      })
      if (batch.length > 0) await this.#write(batch)
      for (const tell of settle) tell()
    } catch (error) {
      const refusal = storeFailure(error)
      for (const { reject } of changes) reject(refusal)
    }
  }

  /** The value of each key; one that cannot be read throws when it is looked at, and so refuses its own change alone. */
  async #read (keys: string[]): Promise<Map<string, () => Buffer | undefined>> {
    const unique = [...new Set(keys)]
    const values = await Promise.allSettled(unique.map(key => this.#reader.get(key)))
    return new Map(values.map((value, index) => [unique[index]!, () => {
      if (value.status === 'rejected') throw value.reason
      return value.value
    }]))
  }

  async #write (batch: Operation[]): Promise<void> {
    try {
      await this.#db.batch(batch, { sync: true })
    } catch (error) {
      this.#failed = true
      throw error
    }
  }

  /**
   * After a failed write LevelDB's log may end in half a record, behind which nothing written could be recovered:
   * so before the next change the database is reopened, which starts a new log. Reads go on until the disk can
   * be written again, and wait while it reopens.
   */
  async #recover (): Promise<void> {
    if (this.#db.status === 'open') await assertReopenable(this.#db.location)
    await this.#gate.alone(async () => {
      await this.#db.close()
      await this.#db.open()
    })
    this.#failed = false
  }
}
