import { open, readFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../../files/durable-file.js'
import { isAbsent } from './files.js'

export const HEAD_FILE = 'head.json'
const FORM = /^\{"first":([1-9]\d*),"sequence":(\d+),"hash":"([0-9a-f]{64})"\}\s*$/
// Always of one size, and smaller than a sector: so it is overwritten as a whole.
const SIZE = 159

/** Between which lines the log stands. */
export interface HeadState {
  /** The sequence of the oldest line that is kept. */
  readonly first: number
  /** The sequence and the hash of the last line that was acknowledged; 0 where there is none. */
  readonly sequence: number
  readonly hash: string
}

/**
 * Keeps beside the log where it ends, since a chain does not show that its last lines were cut off. It is overwritten
 * when a batch is durable and no other waits, and not synced itself. So it is never ahead of the log, neither after
 * `kill -9` nor after loss of power: where it is, lines were taken away. It may be behind, by a few batches after
 * `kill -9` and by what the system had not yet written (seconds) after loss of power; lines that were taken away
 * from just those are not missed.
 */
export class Head {
  readonly #handle: FileHandle

  private constructor (handle: FileHandle) {
    this.#handle = handle
  }

  /** Opens the head in `directory`, which is `state` from now on. */
  static async open (directory: string, state: HeadState): Promise<Head> {
    const path = join(directory, HEAD_FILE)
    if (await readHead(directory) === undefined) await replaceFile(path, encode(state))
    const head = new Head(await open(path, 'r+'))
    await head.write(state)
    return head
  }

  async write (state: HeadState): Promise<void> {
    await this.#handle.write(encode(state), 0, undefined, 0)
  }

  sync (): Promise<void> {
    return this.#handle.datasync()
  }

  close (): Promise<void> {
    return this.#handle.close()
  }
}

const encode = ({ first, sequence, hash }: HeadState) =>
  Buffer.from(`${JSON.stringify({ first, sequence, hash }).padEnd(SIZE)}\n`)

/** The head in `directory`; `undefined` where it is absent or damaged. */
export async function readHead (directory: string): Promise<HeadState | undefined> {
  try {
    const [, first, sequence, hash] = FORM.exec(await readFile(join(directory, HEAD_FILE), 'utf8')) ?? []
    return hash === undefined ? undefined : { first: Number(first), sequence: Number(sequence), hash }
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}
