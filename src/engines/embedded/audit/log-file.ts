import { constants, statSync } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from '../../../files/durable-file.js'
import { GatewayError } from '../../../errors.js'
import type { Named } from './files.js'
import { Postings, readPostings } from './postings.js'

const { O_RDWR, O_CREAT, O_TRUNC, O_DSYNC } = constants

/**
 * The file that lines are written to. It holds `size` bytes that were acknowledged, and the last of their lines has that `hash`; what is
 * behind them is not part of it.
 */
export class LogFile {
  /** Of what was written since it was opened, at `openedAt` bytes. */
  readonly postings = new Postings()
  readonly openedAt: number
  #older: Promise<Postings> | undefined
  readonly #path: string
  readonly #handle: FileHandle
  readonly #identity: string

  private constructor (
    readonly named: Named, path: string, handle: FileHandle, identity: string, public size: number, public hash: string
  ) {
    this.#path = path
    this.#handle = handle
    this.#identity = identity
    this.openedAt = size
  }

  /** Makes the file, durably. One that has its name holds no line that was acknowledged, and is emptied. */
  static async create (directory: string, named: Named, hash: string): Promise<LogFile> {
    const file = await LogFile.#open(directory, named, 0, hash, O_CREAT | O_TRUNC)
    await syncDirectory(directory).catch(async error => {
      await file.close()
      throw error
    })
    return file
  }

  /** Opens a file of which the first `size` bytes are whole lines, and cuts off what is behind them. */
  static async open (directory: string, named: Named, size: number, hash: string): Promise<LogFile> {
    const file = await LogFile.#open(directory, named, size, hash, 0)
    await file.#cut()
    return file
  }

  static async #open (directory: string, named: Named, size: number, hash: string, flags: number): Promise<LogFile> {
    const path = join(directory, named.name)
    // A write is durable when it returns: one round to the thread pool for both.
    const handle = await open(path, O_RDWR | O_DSYNC | flags, 0o600)
    const { dev, ino } = await handle.stat()
    return new LogFile(named, path, handle, `${dev}:${ino}`, size, hash)
  }

  /**
   * @throws where the file at our path is not the one we write, or was changed by somebody else. Before every batch: a
   * round to the thread pool would cost ten times what the system needs to answer this from memory
   */
  assertOurs (): void {
    const { dev, ino, size } = statSync(this.#path)
    if (`${dev}:${ino}` !== this.#identity || size !== this.size) {
      throw new GatewayError(
        'unavailable',
        `the audit file ${this.named.name} was replaced or changed by another program; run \`npm run audit -- verify\``
      )
    }
  }

  /** Resolves when `bytes` are durable behind what there is. @param hash of the last line of them */
  async append (bytes: Buffer, hash: string): Promise<void> {
    await this.#write(bytes)
    this.size += bytes.length
    this.hash = hash
  }

  /** After a failure: takes away what was half written. Answers whether this is still the file at its path. */
  async restore (): Promise<boolean> {
    const found = await stat(this.#path).catch(() => undefined)
    if (found === undefined || `${found.dev}:${found.ino}` !== this.#identity || found.size < this.size) return false
    await this.#cut()
    return true
  }

  /** Where events of `key` may begin, in order. What was there when it was opened is read once, when it is first asked for. */
  async find (key: number): Promise<number[]> {
    this.#older ??= readPostings(this.#path, this.openedAt)
    return [...(await this.#older).find(key), ...this.postings.find(key)]
  }

  close (): Promise<void> {
    return this.#handle.close()
  }

  /** A disk that becomes full takes a part and says so only when it is asked to take the rest. */
  async #write (bytes: Buffer): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += (await this.#handle.write(bytes, written, bytes.length - written, this.size + written)).bytesWritten
    }
  }

  async #cut (): Promise<void> {
    await this.#handle.truncate(this.size)
    await this.#handle.datasync()
  }
}
