import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import pLimit from 'p-limit'
import type { Clock } from '../../../clock.js'
import type { AuditPage } from '../../../audit/audit-log.js'
import { hashOf, lineOf, NO_LINE, type Entry } from '../../../audit/event.js'
import type { End, Journal, JournalQuery } from '../../../audit/journal.js'
import { Unproved, type Tell } from '../../../audit/unproved.js'
import { makeDirectory } from '../../../files/make-directory.js'
import { Days } from './days.js'
import { FileIndex } from './file-index.js'
import { findEnd } from './find-end.js'
import { dayOf, listAll, listFiles, named, type Named } from './files.js'
import { Head, readHead, type HeadState } from './head.js'
import { LogFile } from './log-file.js'
import { packFile } from './pack-file.js'
import { PackedFiles, settlePacking } from './packed-files.js'
import { queryFiles } from './query.js'
import { Retention, type Limits } from './retention.js'

// Each reads one file after the other, and how many a process may have open is limited.
const MOST_QUERIES_AT_ONCE = 16
// Less is not worth its while.
const LEAST_BYTES_PACKED = 64 * 1024
const AGE = 'the audit log cannot note how old it is: it is kept for longer'
// A clock that goes to and fro must not begin a file each time.
const LEAST_MS_BEFORE_A_DAY_OF_BEFORE = 3_600_000

export interface ChainOptions extends Limits {
  readonly directory: string
  readonly maxFileBytes: number
  readonly clock: Clock
  readonly warn: Tell
}

/** The lines on disk: each has the hash of the one before, over files and restarts. */
export class Chain implements Journal {
  readonly #index: FileIndex
  readonly #packed: PackedFiles
  readonly #unproved: Unproved
  readonly #days: Days
  readonly #retention: Retention
  readonly #options: ChainOptions
  readonly #reading = pLimit(MOST_QUERIES_AT_ONCE)
  #state: HeadState
  #head: Head
  #file: LogFile | undefined
  /** When it was begun, or opened, by the clock that does not jump. */
  #begunAt: number
  #broken = false
  /** Those that are finished and not packed yet: they know where what begins. */
  #finished: LogFile[] = []
  #background: Promise<void> = Promise.resolve()
  #isClosing = false

  private constructor (options: ChainOptions, state: HeadState, head: Head, days: Days, file: LogFile | undefined) {
    this.#index = new FileIndex(options.directory)
    this.#packed = new PackedFiles(options.directory)
    this.#unproved = new Unproved(options.warn)
    this.#days = days
    this.#retention = new Retention(options.directory, options, options.clock, options.warn)
    this.#begunAt = options.clock.monotonic()
    this.#options = options
    this.#state = state
    this.#head = head
    this.#file = file
  }

  /** Opens the log and goes on where it ended: after what the head says, where lines behind that are gone. */
  static async open (options: ChainOptions): Promise<Chain> {
    const { directory, warn } = options
    await makeDirectory(directory)
    await settlePacking(directory)
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
    const isGoneOnWith = current !== undefined && !current.isPacked
    const file = isGoneOnWith ? await LogFile.open(directory, current, size, hash) : undefined
    const days = await Days.open(directory, options.clock, options.retentionDays)
    const chain = new Chain(options, state, await Head.open(directory, state), days, file)
    await chain.#retire()
    for (const named of isGoneOnWith ? files.slice(0, -1) : files) chain.#packLater(named)
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
      await file.append(bytes, end.hash)
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
    return this.#reading(() => {
      const { first, sequence, hash } = this.#state
      const file = this.#file && { named: this.#file.named, size: this.#file.size, hash: this.#file.hash }
      const own = this.#file === undefined ? this.#finished : [...this.#finished, this.#file]
      const sources = { directory: this.#options.directory, index: this.#index, packed: this.#packed, own }
      return queryFiles(sources, { first, sequence, hash, file }, query, place => this.#unproved.tell(place))
    })
  }

  async close (): Promise<void> {
    this.#isClosing = true
    await this.#background
    await this.#days.save().catch(error => this.#options.warn(AGE, error))
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
    await this.#days.count(this.#state.sequence).catch(error => warn(AGE, error))
    if (this.#file !== undefined && this.#file.size < maxFileBytes && !this.#isOver(this.#file.named.day, day)) return this.#file

    const finished = this.#file
    const file = await LogFile.create(directory, named(day, this.#state.sequence + 1), this.#state.hash)
    this.#file = file
    this.#begunAt = clock.monotonic()
    if (finished !== undefined) this.#finish(finished)
    await this.#retire()
    return file
  }

  /** Whether `day`, on which the file was begun, is over by the clock, which says `now`. */
  #isOver (day: string, now: string): boolean {
    return now > day || (now < day && this.#options.clock.monotonic() - this.#begunAt >= LEAST_MS_BEFORE_A_DAY_OF_BEFORE)
  }

  #finish (file: LogFile): void {
    if (file.size >= LEAST_BYTES_PACKED) {
      this.#finished.push(file)
      this.#packLater(file.named)
    }
    this.#later('the audit log cannot write an index; it will be made when it is needed', async () => {
      try {
        if (file.openedAt === 0 && file.size < LEAST_BYTES_PACKED) await this.#index.write(file.named.name, file.size, file.postings)
      } finally {
        this.#finished = this.#finished.filter(other => other !== file)
        await file.close()
      }
    })
  }

  /** Packs a file that is finished, where that is worth its while. Where it cannot be, it stays as it is, and is tried again at the next start. */
  #packLater (named: Named): void {
    if (named.isPacked) return
    this.#later(`the audit log cannot pack ${named.name}`, async () => {
      const { directory, warn } = this.#options
      const found = await stat(join(directory, named.name)).catch(() => undefined)
      if (this.#isClosing || found === undefined || found.size < LEAST_BYTES_PACKED) return
      if (await packFile(directory, named, () => this.#isClosing)) {
        await this.#index.remove(named.name)
      } else if (!this.#isClosing) {
        warn(`the audit file ${named.name} is not as it was written; run \`npm run audit -- verify\``, undefined, 'error')
      }
    })
  }

  /** Removes the files that are to go; before that the head says that they are no longer kept. */
  async #retire (): Promise<void> {
    const { directory } = this.#options
    const files = await listFiles(directory)
    const kept = await this.#retention.countGone(files, this.#days)
    if (kept === 0) return
    this.#state = { ...this.#state, first: files[kept]!.first }
    await this.#head.write(this.#state)
    await this.#head.sync()
    this.#later('the audit log cannot remove an old file', async () => {
      const { first } = files[kept]!
      for (const { name } of (await listAll(directory)).filter(file => file.first < first)) {
        await rm(join(directory, name), { force: true })
        await this.#index.remove(name)
        this.#packed.forget(name)
      }
    })
  }

  /** Does `work` behind what is asked of the log, and behind all such work of before; a failure is a warning. */
  #later (warning: string, work: () => Promise<void>): void {
    this.#background = this.#background.then(work).catch(error => this.#options.warn(warning, error))
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
