const MOST_BYTES = 1024 * 1024

/** How much a page still takes: so many events, and lines of 1 MiB in all, but one event at least. */
export class PageSize {
  #events: number
  #bytes = MOST_BYTES

  constructor (events: number) {
    this.#events = events
  }

  /** Whether an event of so many bytes belongs to the page; where it does, it is in it from now on. */
  takes (bytes: number): boolean {
    const isFirst = this.#bytes === MOST_BYTES
    if (this.#events === 0 || (bytes > this.#bytes && !isFirst)) return false
    this.#events--
    this.#bytes -= bytes
    return true
  }
}
