// Where a block's keys begin in the table: its bits come first, then the words where each bucket begins, and where the last ends.
const HEADER = 1
const ENTRIES_IN_A_BUCKET = 8
const FRAGMENT = 0xffff

/**
 * In which blocks of a packed file there may be events of a key: a hash table of one word for each pair of a key and a block, which has
 * half of the key's bits. So it takes a quarter of what postings take that lead to each line.
 */
export class BlockIndexBuilder {
  /** A key and a block in turn, by block. */
  readonly #pairs: number[] = []

  /** Notes the different `keys` of a block. */
  add (block: number, keys: Iterable<number>): void {
    for (const key of new Set(keys)) this.#pairs.push(key, block)
  }

  table (): Uint32Array {
    const count = this.#pairs.length / 2
    const bits = Math.max(1, Math.floor(Math.log2(count / ENTRIES_IN_A_BUCKET + 1)))
    const bucketOf = (pair: number) => this.#pairs[2 * pair]! >>> (32 - bits)
    const begin = HEADER + 2 ** bits + 1
    const table = new Uint32Array(begin + count)
    const starts = table.subarray(HEADER, begin)
    for (let pair = 0; pair < count; pair++) starts[bucketOf(pair) + 1]!++
    starts[0] = begin
    for (let bucket = 1; bucket < starts.length; bucket++) starts[bucket]! += starts[bucket - 1]!
    const next = starts.slice()
    for (let pair = 0; pair < count; pair++) {
      table[next[bucketOf(pair)]!++] = ((this.#pairs[2 * pair]! & FRAGMENT) << 16) | this.#pairs[2 * pair + 1]!
    }
    table[0] = bits
    return table
  }
}

/** The blocks that may have events of `key`, in order, by the table that `read` answers words of. */
export async function blocksOf (bits: number, key: number, read: (from: number, to: number) => Promise<Uint32Array>): Promise<number[]> {
  const bucket = HEADER + (key >>> (32 - bits))
  const [from, to] = await read(bucket, bucket + 2)
  const words = [...await read(from!, to!)]
  return words.filter(word => word >>> 16 === (key & FRAGMENT)).map(word => word & FRAGMENT)
}
