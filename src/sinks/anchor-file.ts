import { constants } from 'node:fs'
import { open, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncDirectory } from '../files/durable-file.js'

const { O_APPEND, O_CREAT, O_WRONLY, O_DSYNC } = constants
// A month of a head each minute.
const MOST_BYTES = 16 * 1024 * 1024

/** The file that has the lines of before, once there are many. */
export const olderAnchor = (path: string): string => `${path}.1`

/** Adds lines to a file, each durable when its `append` resolves. Where it is full it becomes the older one, in the place of the one before. */
export class AnchorFile {
  readonly #path: string
  readonly #mostBytes: number

  constructor (path: string, mostBytes = MOST_BYTES) {
    this.#path = path
    this.#mostBytes = mostBytes
  }

  async append (line: string): Promise<void> {
    const size = await stat(this.#path).then(({ size }) => size, () => 0)
    if (size > this.#mostBytes) await rename(this.#path, olderAnchor(this.#path))
    const handle = await open(this.#path, O_WRONLY | O_APPEND | O_CREAT | O_DSYNC, 0o600)
    try {
      // Half a line that a full disk has left is a line by itself.
      await handle.appendFile(size > 0 && size <= this.#mostBytes && !await this.#endsWell(size) ? `\n${line}\n` : `${line}\n`)
    } finally {
      await handle.close()
    }
    if (size === 0 || size > this.#mostBytes) await syncDirectory(dirname(this.#path))
  }

  async #endsWell (size: number): Promise<boolean> {
    const handle = await open(this.#path, 'r')
    try {
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
      return buffer[0] === 10
    } finally {
      await handle.close()
    }
  }
}
