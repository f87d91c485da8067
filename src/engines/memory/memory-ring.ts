import { GatewayError } from '../../errors.js'
import type { KeyRows } from '../../secrets/key-row.js'
import type { RingStore } from '../../secrets/ring-store.js'

/** Keeps the keys of a ring in the memory of this process. */
export class MemoryRing implements RingStore {
  #rows: KeyRows | undefined
  #given: KeyRows | undefined

  read (): KeyRows | undefined {
    return this.#rows
  }

  async begin (first: KeyRows | undefined): Promise<void> {
    this.#rows ??= first
    this.#existing()
  }

  async change (edit: (rows: KeyRows) => KeyRows): Promise<void> {
    this.#rows = edit(this.#existing())
  }

  readIfChanged (): KeyRows | undefined {
    const rows = this.#existing()
    if (rows === this.#given) return undefined
    this.#given = rows
    return rows
  }

  #existing (): KeyRows {
    if (this.#rows === undefined) throw new GatewayError('unavailable', 'the key ring is missing: it went with the process that had it')
    return this.#rows
  }
}
