import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Clock } from '../../../clock.js'
import { replaceFile } from '../../../files/durable-file.js'

export const DAYS_FILE = 'days.json'
const DAY_MS = 86_400_000
const SAVE_MS = 3_600_000

interface Counted {
  /** How much time the gateway has seen pass while it ran, in all. */
  readonly elapsed: number
  /** How many days of that were noted. */
  readonly days: number
  /** The last line that was there when a day of that was over, by days. */
  readonly ends: readonly number[]
}

/**
 * How old lines are by the time that gateways have seen pass while they ran, which no clock that jumps can make more. Where that cannot
 * be read it begins anew, and lines are younger than they are.
 */
export class Days {
  readonly #file: string
  readonly #clock: Clock
  readonly #most: number
  readonly #before: number
  readonly #ends: number[]
  #savedAt: number
  readonly #openedAt: number
  #days: number

  private constructor (file: string, clock: Clock, most: number, { elapsed, days, ends }: Counted) {
    this.#file = file
    this.#clock = clock
    this.#most = most
    this.#before = elapsed
    this.#days = days
    this.#ends = [...ends]
    this.#openedAt = this.#savedAt = clock.monotonic()
  }

  /** @param most how many days are of interest */
  static async open (directory: string, clock: Clock, most: number): Promise<Days> {
    const file = join(directory, DAYS_FILE)
    const counted = await readFile(file, 'utf8').then(parse).catch(() => undefined)
    return new Days(file, clock, most, counted ?? { elapsed: 0, days: 0, ends: [] })
  }

  /** Notes, where another day is over, that the log ends with the line of that number. Durable within an hour. */
  async count (sequence: number): Promise<void> {
    for (const days = Math.floor(this.#elapsed / DAY_MS); this.#days < days; this.#days++) {
      this.#ends.push(sequence)
      if (this.#ends.length > this.#most + 1) this.#ends.shift()
    }
    if (this.#clock.monotonic() - this.#savedAt >= SAVE_MS) await this.save()
  }

  /** The last line that is at least so many days old; 0 where there is none. */
  lastBefore (days: number): number {
    return this.#ends.at(-days - 1) ?? 0
  }

  async save (): Promise<void> {
    this.#savedAt = this.#clock.monotonic()
    const counted = JSON.stringify({ elapsed: Math.floor(this.#elapsed), days: this.#days, ends: this.#ends })
    await replaceFile(this.#file, `${counted}\n${crc32(counted)}\n`)
  }

  get #elapsed (): number {
    return this.#before + this.#clock.monotonic() - this.#openedAt
  }
}

/** What was counted; `undefined` where a bit of it is another. */
function parse (text: string): Counted | undefined {
  const [counted = '', checksum] = text.split('\n')
  return checksum === String(crc32(counted)) ? JSON.parse(counted) : undefined
}
