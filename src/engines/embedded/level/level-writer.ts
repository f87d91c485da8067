import type { Level } from 'level'
import { closed } from '../../../storage/refusals.js'
import { storeFailure } from './level-errors.js'
import type { LevelGate } from './level-gate.js'
import { assertReopenable } from './level-probe.js'

export type Write =
  | { readonly type: 'put', readonly key: string, readonly value: Buffer }
  | { readonly type: 'del', readonly key: string }

/** What is under a key when it is the change's turn. @throws `internal` where that is damaged */
export type Read = (key: string) => Buffer | undefined

/** A conditional change: looks at what is there and answers what to write and what to tell the caller, or throws what to refuse it with. */
export type Change<Result> = (read: Read) => { writes: Write[], result: Result }

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
  readonly #read: Read
  readonly #gate: LevelGate
  #queue: Array<Queued<any>> = []
  #draining: Promise<void> | undefined
  #open = true
  #failed = false

  constructor (db: Level<string, Buffer>, gate: LevelGate, read: Read) {
    this.#db = db
    this.#gate = gate
    this.#read = read
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
      const batch = new Map<string, Write>()
      const read: Read = key => {
        const earlier = batch.get(key)
        return earlier === undefined ? this.#read(key) : earlier.type === 'put' ? earlier.value : undefined
      }
      const settle = changes.map(({ change, resolve, reject }) => {
        try {
          const { writes, result } = change(read)
          for (const write of writes) batch.set(write.key, write)
          return () => resolve(result)
        } catch (refusal) {
          return () => reject(refusal)
        }
      })
      if (batch.size > 0) await this.#write(batch.values())
      for (const tell of settle) tell()
    } catch (error) {
      const refusal = storeFailure(error)
      for (const { reject } of changes) reject(refusal)
    }
  }

  async #write (writes: Iterable<Write>): Promise<void> {
    // Put together by calls, a batch costs a fifth less than as a list of objects.
    const batch = this.#db.batch()
    for (const write of writes) {
      if (write.type === 'put') batch.put(write.key, write.value)
      else batch.del(write.key)
    }
    try {
      await batch.write({ sync: true })
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
