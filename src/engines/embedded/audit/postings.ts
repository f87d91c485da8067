import { crc32 } from 'node:zlib'
import { parseLine } from '../../../audit/event.js'
import { readLines } from './files.js'

/** What events are looked up by: 32 bits, so that what is found must be looked at before it is believed. */
export const contextKey = (id: string): number => crc32(`c${id}`)
export const executionKey = (id: string): number => crc32(`x${id}`)

interface About {
  readonly context_id?: string
  readonly execution_id?: string
}

/** What `event` is found by. */
export function keysOf ({ context_id: contextId, execution_id: executionId }: About): number[] {
  const keys = contextId === undefined ? [] : [contextKey(contextId)]
  return executionId === undefined ? keys : [...keys, executionKey(executionId)]
}

/** At which bytes of a file the events of a key begin: pairs of a key and an offset, in the order of the file. */
export class Postings {
  #pairs = new Uint32Array(512)
  #length = 0

  /** Notes the event that begins at the byte `offset`. */
  add (event: About, offset: number): void {
    for (const key of keysOf(event)) this.#push(key, offset)
  }

  find (key: number): number[] {
    return offsetsOf(this.pairs, key)
  }

  get pairs (): Uint32Array {
    return this.#pairs.subarray(0, this.#length)
  }

  #push (key: number, offset: number): void {
    if (this.#length === this.#pairs.length) {
      const larger = new Uint32Array(this.#length * 2)
      larger.set(this.#pairs)
      this.#pairs = larger
    }
    this.#pairs[this.#length++] = key
    this.#pairs[this.#length++] = offset
  }
}

/** The postings of the first `size` bytes of the file at `path`. */
export async function readPostings (path: string, size: number): Promise<Postings> {
  const postings = new Postings()
  for await (const { bytes, offset, whole } of readLines(path, 0, size)) {
    const record = whole ? parseLine(bytes) : undefined
    if (record !== undefined) postings.add(record, offset)
  }
  return postings
}

/** The offsets in `pairs` that belong to `key`. */
export function offsetsOf (pairs: Uint32Array, key: number): number[] {
  const offsets = []
  for (let at = 0; at < pairs.length; at += 2) {
    if (pairs[at] === key) offsets.push(pairs[at + 1]!)
  }
  return offsets
}
