import { open, readFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { End } from '../../../audit/journal.js'
import { GatewayError } from '../../../errors.js'
import { replaceFile } from '../../../files/durable-file.js'
import { isAbsent } from './files.js'

export const HEAD_FILE = 'head.json'
/** The number of the form of the log's files. A change of it brings a migration from the one before. */
const FORMAT = 1
const FORM = /^\{"format":1,"first":([1-9]\d*),"sequence":(\d+),"hash":"([0-9a-f]{64})","commit":(\d+)\}\s*$/
// Always of one size, and smaller than a sector: so it is overwritten as a whole.
const SIZE = 199

/** Between which lines the log stands. */
export interface HeadState extends End {
  /** The sequence of the oldest line that is kept. */
  readonly first: number
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

const encode = ({ first, sequence, hash, commit }: HeadState) =>
  Buffer.from(`${JSON.stringify({ format: FORMAT, first, sequence, hash, commit }).padEnd(SIZE)}\n`)

/**
 * The head in `directory`; `undefined` where it is absent or damaged.
 * @throws `unavailable` where it says that the files are of another form
 */
export async function readHead (directory: string): Promise<HeadState | undefined> {
  const text = await readFile(join(directory, HEAD_FILE), 'utf8').catch(error => {
    if (isAbsent(error)) return ''
    throw error
  })
  const [, first, sequence, hash, commit] = FORM.exec(text) ?? []
  if (hash !== undefined) return { first: Number(first), sequence: Number(sequence), hash, commit: Number(commit) }
  const [, format] = /^\{"format":([1-9]\d*),/.exec(text) ?? []
  if (format !== undefined && Number(format) !== FORMAT) {
    throw new GatewayError(
      'unavailable',
      `the audit log is of format ${format}, and this version knows ${FORMAT}: run the version that made it`
    )
  }
  if (UNNUMBERED.test(text)) {
    throw new GatewayError(
      'unavailable',
      'the audit log was made before formats had numbers, by a version that was never released: move its directory away'
    )
  }
  return undefined
}
const UNNUMBERED = /^\{"first":\d+,"sequence":\d+,"hash":"[0-9a-f]{64}"\}\s*$/
