import type { StoredRecord } from '../../storage/store.js'

const MOST_SHOWN = 100

/** What is wrong with records, at most one thing with each. */
export class Findings {
  readonly #found = new Map<string, string>()

  get count (): number {
    return this.#found.size
  }

  /** Ends a sentence that begins with the record. What was found of it before counts. */
  add ({ kind, id }: Pick<StoredRecord, 'kind' | 'id'>, what: string): void {
    const record = `${kind} ${id}`
    if (!this.#found.has(record)) this.#found.set(record, `${record} ${what}`)
  }

  /** A line for each, for people; of very many, for some. */
  lines (): string[] {
    const lines = [...this.#found.values()].slice(0, MOST_SHOWN)
    return lines.length < this.count ? [...lines, `and ${this.count - lines.length} more`] : lines
  }
}
