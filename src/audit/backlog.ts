import type { AuditOutbox } from './audit-outbox.js'
import type { AuditEvent, Entry } from './event.js'
import type { Journal } from './journal.js'

// What one write may hold: lines have a few hundred bytes, at most some 10 KB.
const MOST_LINES_AT_ONCE = 1024
const MOST_CHARACTERS_AT_ONCE = 1024 * 1024

/** Who waits until an event is durable. */
export interface Waiter {
  /** Called when it is in the journal. */
  written (): void
  /** Called where it cannot be written: to keep it otherwise. */
  keep (): Promise<void>
}

/** An event that is nowhere but in memory, and the number of the one in the outbox that was the last when it came. */
interface InMemory extends Entry {
  readonly behind: number
  readonly waiter: Waiter | undefined
}

/** What is not in the journal yet: the events of the outbox and, each in its place between them, those in memory. */
export class Backlog {
  readonly #outbox: AuditOutbox
  readonly #journal: Journal
  #inMemory: InMemory[] = []
  /** How many of these there were before. */
  #removed = 0

  constructor (outbox: AuditOutbox, journal: Journal) {
    this.#outbox = outbox
    this.#journal = journal
    outbox.forget(journal.end.commit)
  }

  /** How many are in the outbox. */
  get durable (): number {
    return Math.max(0, this.#outbox.last - this.#journal.end.commit)
  }

  get inMemory (): number {
    return this.#inMemory.length
  }

  get isEmpty (): boolean {
    return this.durable === 0 && this.inMemory === 0
  }

  /** A function that tells whether all that there is now has been removed. */
  watch (): () => boolean {
    const { last } = this.#outbox
    const added = this.#removed + this.inMemory
    return () => this.#journal.end.commit >= last && this.#removed >= added
  }

  add (description: string, about: AuditEvent, waiter?: Waiter): void {
    this.#inMemory.push({ description, about, waiter, behind: this.#outbox.last })
  }

  /** All that there is, in order, in batches that one write may hold. Valid until `remove` is called. @throws as the store does */
  async * batches (): AsyncGenerator<readonly Entry[], undefined> {
    let { commit } = this.#journal.end
    for (let taken = 0; ;) {
      const batch = await this.#batch(commit, taken)
      if (batch.length === 0) return
      yield batch
      taken += inMemoryOf(batch)
      commit = batch.findLast(entry => entry.commit !== undefined)?.commit ?? commit
    }
  }

  /** The journal has `batch`, the first that there was. */
  remove (batch: readonly Entry[]): void {
    const written = this.#inMemory.splice(0, inMemoryOf(batch))
    this.#removed += written.length
    this.#outbox.forget(this.#journal.end.commit)
    for (const { waiter } of written) waiter?.written()
  }

  /** Has all that somebody waits for kept otherwise. Not while a batch is at work. */
  async keepAwaited (): Promise<void> {
    const awaited = this.#inMemory.flatMap(({ waiter }) => waiter ?? [])
    this.#inMemory = this.#inMemory.filter(({ waiter }) => waiter === undefined)
    this.#removed += awaited.length
    await Promise.all(awaited.map(waiter => waiter.keep()))
  }

  async #batch (commit: number, taken: number): Promise<Entry[]> {
    const { last } = this.#outbox
    const committed = last > commit ? await this.#outbox.read(commit, MOST_LINES_AT_ONCE) : []
    const end = committed.at(-1)?.commit ?? commit
    return upToOneWrite(inOrder(committed, this.#inMemory.slice(taken, taken + MOST_LINES_AT_ONCE), end < last ? end : Infinity))
  }
}

const inMemoryOf = (batch: readonly Entry[]) => batch.filter(({ commit }) => commit === undefined).length

/** Both, by their places; of those in memory none that came behind more than `end`. */
function * inOrder (committed: ReadonlyArray<Entry & { commit: number }>, inMemory: readonly InMemory[], end: number): Generator<Entry> {
  let next = 0
  for (const entry of committed) {
    while (next < inMemory.length && inMemory[next]!.behind < entry.commit) yield inMemory[next++]!
    yield entry
  }
  while (next < inMemory.length && inMemory[next]!.behind <= end) yield inMemory[next++]!
}

/** As many as one write may hold, and one at least. */
function upToOneWrite (entries: Iterable<Entry>): Entry[] {
  const batch: Entry[] = []
  let characters = 0
  for (const entry of entries) {
    characters += entry.description.length
    if (batch.length === MOST_LINES_AT_ONCE || (batch.length > 0 && characters > MOST_CHARACTERS_AT_ONCE)) break
    batch.push(entry)
  }
  return batch
}
