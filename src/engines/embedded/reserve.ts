import { randomFillSync } from 'node:crypto'
import { open, stat, statfs, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemClock } from '../../clock.js'
import { GatewayError } from '../../errors.js'

const MIB = 1024 * 1024
/** To open the database its log is made a table, of up to 16 MiB; and half as much again to go on with. */
const BYTES = 24 * MIB
/** Of what is free more must be left than is taken, so that the next change does not need it back. */
const SLACK_BYTES = 16 * MIB
const RETRY_MS = 1_000
// It is in nobody's way while a gateway starts.
const SOON_MS = 5_000

const FULL = new GatewayError(
  'unavailable',
  'the disk is full: what is there can be read and deleted, and nothing new is stored until there is room again',
  { retryAfterSeconds: 5 }
)

/**
 * Room on the disk that nobody needs until the disk is full. Then it is given up: so what is there can be deleted, and the database
 * opened, and nothing new is stored until the room can be taken again.
 */
export class Reserve {
  readonly #path: string
  readonly #warn: (message: string) => void
  #isFull = false
  #taking: Promise<boolean> | undefined
  #triedAt = -Infinity
  #soon: NodeJS.Timeout | undefined

  private constructor (path: string, warn: (message: string) => void, isFull: boolean) {
    this.#path = path
    this.#warn = warn
    this.#isFull = isFull
  }

  /** What was given up before and not taken again says that the disk is full still. @param path of the file that takes the room */
  static async open (path: string, warn: (message: string) => void): Promise<Reserve> {
    const isGivenUp = await stat(path).then(({ size }) => size === 0, () => false)
    return new Reserve(path, warn, isGivenUp)
  }

  /** Whether the disk was full, and nothing says that it has room again. */
  get isFull (): boolean {
    return this.#isFull
  }

  /** Has the room taken some seconds from now. */
  takeSoon (): void {
    this.#soon = setTimeout(() => { this.#take().catch(() => {}) }, SOON_MS).unref()
  }

  async close (): Promise<void> {
    clearTimeout(this.#soon)
    await this.#taking
  }

  /** Takes the room, unless it is taken or there is not much more. Answers whether it is taken. */
  #take (): Promise<boolean> {
    this.#taking ??= this.#takeOnce().catch(() => false).finally(() => { this.#taking = undefined })
    return this.#taking
  }

  /** Resolves where something new may be stored. @throws `unavailable` */
  async admit (): Promise<void> {
    if (!this.#isFull) return
    const now = systemClock.monotonic()
    if (this.#taking === undefined && now - this.#triedAt < RETRY_MS) throw FULL
    this.#triedAt = now
    if (!await this.#take()) throw FULL
    if (this.#isFull) this.#warn('the disk has room again')
    this.#isFull = false
  }

  /** Gives the room back to a disk that has none. Answers whether there was any to give. */
  async release (): Promise<boolean> {
    await this.#taking
    if (!await this.#isTaken()) return false
    // The file stays, so that a start knows.
    await truncate(this.#path)
    this.#isFull = true
    this.#warn(`the disk is full: the ${BYTES / MIB} MiB kept for that are given up, so that deletes go on; nothing new is stored`)
    return true
  }

  async #takeOnce (): Promise<boolean> {
    if (await this.#isTaken()) return true
    const { bavail, bsize } = await statfs(dirname(this.#path))
    if (bavail * bsize < BYTES + SLACK_BYTES) return false
    // Nothing that a file system could leave out.
    const chunk = randomFillSync(Buffer.allocUnsafe(MIB))
    const file = await open(this.#path, 'w', 0o600)
    try {
      for (let written = 0; written < BYTES; written += MIB) await file.write(chunk)
      await file.sync()
    } finally {
      await file.close()
    }
    return true
  }

  #isTaken (): Promise<boolean> {
    return stat(this.#path).then(({ size }) => size === BYTES, () => false)
  }
}
