/** Tells an operator something, as a warning unless it is an error. */
export type Tell = (message: string, cause?: unknown, level?: 'warn' | 'error') => void

// More places than somebody reads.
const MOST_PLACES = 1_000

/** Places of the log that are not as they were written, each of which is told once. */
export class Unproved {
  readonly #places = new Set<string>()
  readonly #tell: Tell

  constructor (tell: Tell) {
    this.#tell = tell
  }

  tell (place: string): void {
    if (this.#places.has(place) || this.#places.size === MOST_PLACES) return
    this.#places.add(place)
    const what = `the line in ${place}, or the one behind it, was changed`
    this.#tell(`the audit log is not as it was written: ${what}; run \`npm run audit -- verify\``, undefined, 'error')
  }
}
