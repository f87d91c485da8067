import type { Level } from 'level'
import { closed } from '../../../storage/refusals.js'
import type { Change, Write } from './level-changes.js'
import { isOutOfRoom, storeFailure } from './level-errors.js'
import type { Reserve } from '../reserve.js'
import type { LevelGate } from './level-gate.js'
import type { LevelLog } from './level-log.js'
import { assertReopenable } from './level-probe.js'
import type { Read } from './level-reader.js'

interface Queued<Result> {
  readonly change: Change<Result>
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

const MOST_CHANGES_AT_ONCE = 512

/**
 * LevelDB's batches are atomic but not conditional, and it has one writer. So changes stand in one queue, which
 * checks the conditions of all that wait and writes what they decide, with what comes along, as one synced batch (group commit).
 */
export class LevelWriter {
  readonly #db: Level<string, Buffer>
  readonly #gate: LevelGate
  readonly #read: Read
  readonly #log: LevelLog
  readonly #reserve: Reserve | undefined
  #queue: Array<Queued<any>> = []
  #draining: Promise<void> | undefined
  #open = true
  #failed = false

  constructor (db: Level<string, Buffer>, gate: LevelGate, read: Read, log: LevelLog, reserve?: Reserve) {
    this.#reserve = reserve
    this.#db = db
    this.#gate = gate
    this.#read = read
    this.#log = log
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
      const log = this.#log.begin()
      const settle = changes.map(({ change, resolve, reject }) => {
        try {
          const { writes, along, result } = change(read)
          for (const write of [...writes, ...log.add(along)]) batch.set(write.key, write)
          return () => resolve(result)
        } catch (refusal) {
          return () => reject(refusal)
        }
      })
      if (batch.size > 0) {
        await this.#write([...batch.values(), ...log.end()])
        log.committed()
      }
      for (const tell of settle) tell()
    } catch (error) {
      const refusal = storeFailure(error)
      for (const { reject } of changes) reject(refusal)
    }
  }

  async #write (writes: readonly Write[]): Promise<void> {
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
      if (isOutOfRoom(error)) await this.#reserve?.release()
      throw error
    }
  }

  /**
   * After a failed write LevelDB's log may end in half a record, behind which nothing written could be recovered:
   * so before the next change the database is reopened, which starts a new log. Reads go on until the disk can
   * be written again, and wait while it reopens. What failed may turn out to be there, as a whole.
   */
  async #recover (): Promise<void> {
    if (this.#db.status === 'open') await assertReopenable(this.#db.location)
    await this.#gate.alone(async () => {
      await this.#db.close()
      await this.#db.open()
      await this.#log.load()
    })
    this.#failed = false
  }
}
