import { open, stat, type FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { blocksOf } from './block-index.js'
import { unpackLines, type PackedLine } from './block.js'

/** Some lines of a packed file. */
export interface Block {
  /** Where it is in the file, and how long. */
  readonly at: number
  readonly length: number
  /** At which byte of the file of before its first line began. */
  readonly offset: number
  readonly lines: number
  /** The number of its first line, and the hash of the one before that. */
  readonly sequence: number
  readonly previous: string
}

/** What stands behind the blocks: where each is, and where the lines end. */
export interface Directory {
  readonly blocks: readonly Block[]
  /** How many bytes the file had before. */
  readonly size: number
  /** Of its last line. */
  readonly hash: string
  /** The greatest `commit` of its lines; 0 where none has one. */
  readonly commit: number
}

export interface UnpackedLine extends PackedLine {
  /** The byte at which it began before. */
  readonly offset: number
  /** Whether the hash of all lines of its block up to here led to what stands behind the block. */
  readonly isProved: boolean
}

const FORMAT = 0x45435a31
const WORD = Uint32Array.BYTES_PER_ELEMENT
// Format; length and checksum of the table, and of the directory.
const TRAILER = 5 * WORD

/** What ends a file behind its blocks. */
export function endOf (table: Uint32Array, directory: Directory): Buffer {
  const words = Buffer.from(table.buffer, table.byteOffset, table.byteLength)
  const text = Buffer.from(JSON.stringify(directory))
  const trailer = Uint32Array.of(FORMAT, words.length, crc32(words), text.length, crc32(text))
  return Buffer.concat([words, text, Buffer.from(trailer.buffer)])
}

/** A file of the log that is packed. What holds nothing but what can be read elsewhere, such as its index, is proved before it is used. */
export class PackedFile {
  readonly directory: Directory
  readonly #path: string
  readonly #tableAt: number
  /** Of the table that leads to blocks; none where it is damaged. */
  readonly #bits: number | undefined

  private constructor (path: string, directory: Directory, tableAt: number, bits: number | undefined) {
    this.directory = directory
    this.#path = path
    this.#tableAt = tableAt
    this.#bits = bits
  }

  /** @throws where it is absent, or damaged at its end */
  static async open (path: string): Promise<PackedFile> {
    const { size } = await stat(path)
    return reading(path, async handle => {
      const trailer = new Uint32Array(Uint8Array.from(await bytesAt(handle, size - TRAILER, TRAILER)).buffer)
      const [format, tableLength, tableSum, textLength, textSum] = trailer as unknown as [number, number, number, number, number]
      const textAt = size - TRAILER - textLength
      const tableAt = textAt - tableLength
      if (format !== FORMAT || tableAt < 0) throw damaged(path)
      const text = await bytesAt(handle, textAt, textLength)
      if (crc32(text) !== textSum) throw damaged(path)
      const table = await bytesAt(handle, tableAt, tableLength)
      return new PackedFile(path, JSON.parse(text.toString()), tableAt, crc32(table) === tableSum ? table.readUInt32LE() : undefined)
    })
  }

  get isIndexed (): boolean {
    return this.#bits !== undefined
  }

  /** The blocks that may have an event of `key`, in order; all where the index is damaged. */
  async find (key: number): Promise<readonly Block[]> {
    const { blocks } = this.directory
    const bits = this.#bits
    if (bits === undefined) return blocks
    const found = await reading(this.#path, handle => blocksOf(bits, key, async (from, to) =>
      new Uint32Array(Uint8Array.from(await bytesAt(handle, this.#tableAt + from * WORD, (to - from) * WORD)).buffer)))
    return found.map(number => blocks[number]!)
  }

  /** @throws where it cannot be read, or holds no lines any more */
  async read (block: Block): Promise<UnpackedLine[]> {
    const { blocks, hash: end } = this.directory
    const bytes = await reading(this.#path, handle => bytesAt(handle, block.at, block.length))
    const { lines, hash } = await unpackLines(bytes, block.lines, { sequence: block.sequence - 1, hash: block.previous })
    const isProved = hash === (blocks[blocks.indexOf(block) + 1]?.previous ?? end)
    let { offset } = block
    return lines.map(line => {
      const here = { ...line, offset, isProved: isProved && line.isAsPacked }
      offset += line.bytes.length + 1
      return here
    })
  }
}

async function reading<T> (path: string, read: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, 'r')
  try {
    return await read(handle)
  } finally {
    await handle.close()
  }
}

async function bytesAt (handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, Math.max(0, at))
  return buffer.subarray(0, bytesRead)
}

const damaged = (path: string) => new Error(`${path} is damaged at its end`)
