import { mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { replaceFile } from '../../../files/durable-file.js'
import { offsetsOf, readPostings, type Postings } from './postings.js'

const FORMAT = 0x45434131
// Format, checksum of all that follows it, bits of a bucket's number, bytes of the log that it tells of.
const HEADER = 4
const WORD = Uint32Array.BYTES_PER_ELEMENT

/**
 * The index of every file of the log that is finished: a hash table on disk beside it, read in two small pieces. It
 * is derived: one that is absent, damaged or of another state of its file is made again when it is needed.
 *
 * A database would do as well and cost more than all the rest of a record together: this costs nothing until a
 * file is finished, and goes when its file goes.
 */
export class FileIndex {
  readonly #directory: string
  readonly #folder: string
  /** The bits of each table that was checked. */
  readonly #checked = new Map<string, Promise<number>>()

  constructor (directory: string) {
    this.#directory = directory
    this.#folder = join(directory, 'index')
  }

  /** Where events of `key` may begin in the file `name`, in order. */
  async find (name: string, key: number): Promise<number[]> {
    try {
      return await this.#look(name, key)
    } catch {
      // It went after it was checked.
      this.#checked.delete(name)
      return this.#look(name, key)
    }
  }

  /** Writes the index of the file `name`, which is finished and has `size` bytes. */
  async write (name: string, size: number, postings: Postings): Promise<void> {
    const written = this.#write(name, size, postings)
    this.#checked.set(name, written)
    await written
  }

  async remove (name: string): Promise<void> {
    this.#checked.delete(name)
    await rm(join(this.#folder, tableName(name)), { force: true })
  }

  async #look (name: string, key: number): Promise<number[]> {
    let checked = this.#checked.get(name)
    if (checked === undefined) this.#checked.set(name, checked = this.#check(name))
    const bits = await checked
    const handle = await open(join(this.#folder, tableName(name)), 'r')
    const read = async (from: number, to: number) => {
      const words = new Uint32Array(to - from)
      await handle.read(words, 0, words.byteLength, from * WORD)
      return words
    }
    try {
      const bucket = HEADER + (key >>> (32 - bits))
      const [from, to] = await read(bucket, bucket + 2)
      return offsetsOf(await read(from!, to!), key)
    } finally {
      await handle.close()
    }
  }

  /** Makes the table where it is not right, and answers the bits of its buckets. */
  async #check (name: string): Promise<number> {
    const path = join(this.#directory, name)
    const { size } = await stat(path)
    const bits = await readFile(join(this.#folder, tableName(name))).then(bytes => bitsOf(bytes, size), () => undefined)
    if (bits !== undefined) return bits
    return this.#write(name, size, await readPostings(path, size))
  }

  async #write (name: string, size: number, { pairs }: Postings): Promise<number> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const table = tableOf(pairs, size)
    await replaceFile(join(this.#folder, tableName(name)), new Uint8Array(table.buffer))
    return bucketBits(pairs)
  }
}

const tableName = (name: string) => name.replace('.jsonl', '.index')

/** As many buckets as keys or more, up to twice as many. */
const bucketBits = (pairs: Uint32Array) => Math.max(1, Math.ceil(Math.log2(pairs.length / 2 + 1)))

/** The words of a table: its header, where each bucket begins and the last ends, and the pairs by bucket. */
function tableOf (pairs: Uint32Array, size: number): Uint32Array {
  const bits = bucketBits(pairs)
  const buckets = 2 ** bits
  const begin = HEADER + buckets + 1
  const table = new Uint32Array(begin + pairs.length)
  const starts = table.subarray(HEADER, begin)
  for (let at = 0; at < pairs.length; at += 2) starts[(pairs[at]! >>> (32 - bits)) + 1]! += 2
  starts[0] = begin
  for (let bucket = 1; bucket <= buckets; bucket++) starts[bucket]! += starts[bucket - 1]!
  const next = starts.slice()
  for (let at = 0; at < pairs.length; at += 2) {
    const bucket = pairs[at]! >>> (32 - bits)
    const place = next[bucket]!
    table[place] = pairs[at]!
    table[place + 1] = pairs[at + 1]!
    next[bucket] = place + 2
  }
  table.set([FORMAT, 0, bits, size])
  table[1] = checksum(table)
  return table
}

const checksum = (table: Uint32Array) => crc32(new Uint8Array(table.buffer, table.byteOffset + 2 * WORD, table.byteLength - 2 * WORD))

/** The bits of the table that `bytes` are; `undefined` where they are none of a file of `size` bytes. */
function bitsOf (bytes: Buffer, size: number): number | undefined {
  if (bytes.length < HEADER * WORD || bytes.length % WORD !== 0) return undefined
  const table = new Uint32Array(Uint8Array.from(bytes).buffer)
  return table[0] === FORMAT && table[1] === checksum(table) && table[3] === size ? table[2] : undefined
}
