import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../../clock.js'
import type { Tell } from '../../../audit/unproved.js'
import type { Days } from './days.js'
import { dayOf, type Named } from './files.js'

const DAY_MS = 86_400_000
// So many stay, however old they are.
const LEAST_FILES = 7
const NEARLY = 0.8

export interface Limits {
  readonly retentionDays: number
  /** 0 where there is no limit. */
  readonly maxBytes: number
}

/**
 * Decides which files of the log go. By age only those that are old both by the day in their name and by what gateways have seen pass, and
 * never the last seven: so a clock that jumps deletes nothing. By size the oldest, as many as it takes.
 */
export class Retention {
  readonly #directory: string
  readonly #limits: Limits
  readonly #clock: Clock
  readonly #warn: Tell
  #told: 'nothing' | 'nearly' | 'full' = 'nothing'

  constructor (directory: string, limits: Limits, clock: Clock, warn: Tell) {
    this.#directory = directory
    this.#limits = limits
    this.#clock = clock
    this.#warn = warn
  }

  /** How many of `files`, which are all that there are, go: not the last. */
  async countGone (files: readonly Named[], days: Days): Promise<number> {
    return Math.max(this.#tooOld(files, days), await this.#tooLarge(files))
  }

  #tooOld (files: readonly Named[], days: Days): number {
    const { retentionDays } = this.#limits
    const oldest = dayOf(this.#clock.now() - retentionDays * DAY_MS)
    const last = days.lastBefore(retentionDays)
    const kept = files.findIndex(({ day }, index) =>
      index + LEAST_FILES >= files.length || day >= oldest || files[index + 1]!.first - 1 > last)
    return Math.max(0, kept)
  }

  async #tooLarge (files: readonly Named[]): Promise<number> {
    const { maxBytes } = this.#limits
    if (maxBytes === 0) return 0
    const sizes = await Promise.all(files.map(({ name }) => stat(join(this.#directory, name)).then(({ size }) => size, () => 0)))
    let size = sizes.reduce((sum, size) => sum + size, 0)
    this.#tell(size)
    let gone = 0
    while (size > maxBytes && gone < files.length - 1) size -= sizes[gone++]!
    return gone
  }

  /** Once for each, until there is much less. */
  #tell (size: number): void {
    const { maxBytes } = this.#limits
    const now = size > maxBytes ? 'full' : size > NEARLY * maxBytes ? 'nearly' : 'nothing'
    const what = `the audit log has ${size} of the ${maxBytes} bytes of ECTX_AUDIT_MAX_BYTES`
    if (now === 'full' && this.#told !== 'full') this.#warn(`${what}: its oldest files go, however young they are`)
    else if (now === 'nearly' && this.#told === 'nothing') this.#warn(`${what}: beyond that its oldest files go`)
    if (now === 'nothing' || this.#told !== 'full') this.#told = now
  }
}
