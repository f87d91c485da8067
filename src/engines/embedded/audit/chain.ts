import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pLimit from 'p-limit'
import type { Clock } from '../../../clock.js'
import type { AuditPage } from '../../../audit/audit-log.js'
import { hashOf, lineOf, NO_LINE, type Entry } from '../../../audit/event.js'
import type { End, Journal, JournalQuery } from '../../../audit/journal.js'
import { makeDirectory } from '../../../files/make-directory.js'
import { FileIndex } from './file-index.js'
import { findEnd } from './find-end.js'
import { dayOf, listFiles, named } from './files.js'
import { Head, readHead, type HeadState } from './head.js'
import { LogFile } from './log-file.js'
import { queryFiles } from './query.js'

const DAY_MS = 86_400_000
// Each reads one file after the other, and how many a process may have open is limited.
const MOST_QUERIES_AT_ONCE = 16

export interface ChainOptions {
  readonly directory: string
  readonly retentionDays: number
  readonly maxFileBytes: number
  readonly clock: Clock
  readonly warn: (message: string, cause?: unknown) => void
}

/** The lines on disk: each has the hash of the one before, over files and restarts. */
export class Chain implements Journal {
  readonly #index: FileIndex
  readonly #options: ChainOptions
  readonly #reading = pLimit(MOST_QUERIES_AT_ONCE)
  #state: HeadState
  #head: Head
  #file: LogFile | undefined
  #broken = false
  #background: Promise<void> = Promise.resolve()

  private constructor (options: ChainOptions, state: HeadState, head: Head, file: LogFile | undefined) {
    this.#index = new FileIndex(options.directory)
    this.#options = options
    this.#state = state
    this.#head = head
    this.#file = file
  }

  /** Opens the log and goes on where it ended: after what the head says, where lines behind that are gone. */
  static async open (options: ChainOptions): Promise<Chain> {
    const { directory, warn } = options
    await makeDirectory(directory)
    const files = await listFiles(directory)
    const head = await readHead(directory)
    const { size, last, commit } = await findEnd(directory, files, head)
    if (head === undefined && last !== undefined) {
      warn('the audit log has lost its head.json: whether lines are missing at its end cannot be told')
    }
    if (head !== undefined && head.sequence > (last?.sequence ?? 0)) {
      warn(`the audit log has lost its lines from ${(last?.sequence ?? 0) + 1} to ${head.sequence}`)
    }
    const { sequence, hash } = head !== undefined && head.sequence >= (last?.sequence ?? 0) ? head : last ?? { sequence: 0, hash: NO_LINE }
    const state = { first: head?.first ?? files[0]?.first ?? 1, sequence, hash, commit }
    const current = files.at(-1)
    const file = current && await LogFile.open(directory, current, size)
    const chain = new Chain(options, state, await Head.open(directory, state), file)
    await chain.#retire()
    return chain
  }

  get end (): End {
    return this.#state
  }

  async append (entries: readonly Entry[]): Promise<void> {
    try {
      const file = await this.#prepare()
      const { bytes, begins, end } = linesBehind(this.#state, entries)
      const { size } = file
      await file.append(bytes)
      entries.forEach(({ description, about = JSON.parse(`{${description}`) }, index) => file.postings.add(about, size + begins[index]!))
      this.#state = { ...this.#state, ...end }
    } catch (error) {
      this.#broken = true
      await this.#file?.restore().catch(() => false)
      throw error
    }
  }

  /** Notes where the log ends. */
  async mark (): Promise<void> {
    if (this.#broken) return
    try {
      await this.#head.write(this.#state)
    } catch (error) {
      this.#broken = true
      this.#options.warn('the audit log cannot note where it ends', error)
    }
  }

  query (query: JournalQuery): Promise<AuditPage> {
    return this.#reading(() => queryFiles(this.#options.directory, this.#index, this.#file, query))
  }

  async close (): Promise<void> {
    await this.#background
    await this.#file?.close()
    await this.#head.close()
  }

  /** The file that the next line belongs to. */
  async #prepare (): Promise<LogFile> {
    const { directory, maxFileBytes, clock, warn } = this.#options
    if (this.#broken) {
      if (this.#file !== undefined && !await this.#file.restore()) {
        warn(`the audit file ${this.#file.named.name} is gone or no longer ours; the log goes on in a new one`)
        await this.#file.close()
        this.#file = undefined
      }
      await this.#head.close()
      this.#head = await Head.open(directory, this.#state)
      this.#broken = false
    } else {
      this.#file?.assertOurs()
    }
    const day = dayOf(clock.now())
    if (this.#file !== undefined && this.#file.named.day === day && this.#file.size < maxFileBytes) return this.#file

    const finished = this.#file
    const file = await LogFile.create(directory, named(day, this.#state.sequence + 1))
    this.#file = file
    if (finished !== undefined) this.#finish(finished)
    await this.#retire()
    return file
  }

  #finish (file: LogFile): void {
    this.#later('the audit log cannot write an index; it will be made when it is needed', async () => {
      try {
        if (file.openedAt === 0) await this.#index.write(file.named.name, file.size, file.postings)
      } finally {
        await file.close()
      }
    })
  }

  /** Removes the files that were begun too many days ago; before that the head says that they are no longer kept. */
  async #retire (): Promise<void> {
    const { directory, retentionDays, clock } = this.#options
    const oldest = dayOf(clock.now() - retentionDays * DAY_MS)
    const files = await listFiles(directory)
    const kept = files.findIndex(({ day, name }) => day >= oldest || name === this.#file?.named.name)
    if (kept <= 0) return
    this.#state = { ...this.#state, first: files[kept]!.first }
    await this.#head.write(this.#state)
    await this.#head.sync()
    this.#later('the audit log cannot remove an old file', async () => {
      for (const { name } of files.slice(0, kept)) {
        await rm(join(directory, name), { force: true })
        await this.#index.remove(name)
      }
    })
  }

  /** Does `work` behind what is asked of the log; a failure is a warning. */
  #later (warning: string, work: () => Promise<void>): void {
    this.#background = Promise.all([this.#background, work().catch(error => this.#options.warn(warning, error))]).then(() => {})
  }
}

// More than is in a line before its description, and its newline.
const MOST_BYTES_BESIDE = 160

/** The lines of `entries` behind `end`, where each begins, and where they end. */
function linesBehind ({ sequence, hash, commit }: End, entries: readonly Entry[]): { bytes: Buffer, begins: number[], end: End } {
  // In UTF-8 a text takes three bytes at most for what counts as one in its length.
  const bytes = Buffer.allocUnsafe(entries.reduce((sum, { description }) => sum + 3 * description.length + MOST_BYTES_BESIDE, 0))
  let size = 0
  const begins = entries.map(entry => {
    const begin = size
    size += bytes.write(lineOf(++sequence, hash, entry), begin)
    hash = hashOf(bytes.subarray(begin, size))
    size += bytes.write('\n', size)
    commit = entry.commit ?? commit
    return begin
  })
  return { bytes: bytes.subarray(0, size), begins, end: { sequence, hash, commit } }
}
