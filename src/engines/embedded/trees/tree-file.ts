import { open, readFile, stat, type FileHandle } from 'node:fs/promises'
import { replaceFile } from '../../../files/durable-file.js'
import { isAbsent } from '../../../files/file-problem.js'
import { LEAF_DIGITS, type WrappedNode } from '../../../secrets/tree-node.js'
import { leavesBelow, settle, type Placed } from './settle.js'
import { countSlot, nodeSlot, NOTHING, SLOT_BYTES } from './slots.js'

type Writes = ReadonlyArray<readonly [slot: number, bytes: Buffer]>

/** The file of one tree, which one process at a time changes. Its methods throw what the system says. */
export class TreeFile {
  readonly #path: string
  #identity = ''
  #nodes = new Map<string, Placed>()
  #free: number[] = []
  #slots = 0
  #shredded = 0n
  #isWhole = true
  /** Whether what is on the disk may be another than what is in memory. */
  #isUnsure = false

  private constructor (path: string) {
    this.#path = path
  }

  /** Makes the file of these nodes, durably. */
  static async create (path: string, nodes: readonly WrappedNode[]): Promise<TreeFile> {
    const shredded = nodes.reduce((sum, node) => sum - leavesBelow(node.path), leavesBelow(''))
    await replaceFile(path, Buffer.concat([countSlot({ least: shredded, most: shredded }), ...nodes.map(nodeSlot)]))
    return (await TreeFile.open(path))!
  }

  /** The file; `undefined` where there is none. What a change left that came to no end is overwritten. */
  static async open (path: string): Promise<TreeFile | undefined> {
    const file = new TreeFile(path)
    try {
      await file.#load()
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
    return file
  }

  /** Whether all is there that should be. Where it is not, what no node leads to may be shredded, or damaged. */
  get isWhole (): boolean {
    return this.#isWhole
  }

  get nodes (): readonly WrappedNode[] {
    return [...this.#nodes.values()]
  }

  cover (leaf: string): WrappedNode | undefined {
    for (let digits = LEAF_DIGITS; digits >= 0; digits--) {
      const node = this.#nodes.get(leaf.slice(0, digits))
      if (node !== undefined) return node
    }
  }

  /** As `TreeStore.replace`. */
  async replace (removed: readonly string[], added: readonly WrappedNode[]): Promise<boolean> {
    if (this.#isUnsure || identityOf(await stat(this.#path)) !== this.#identity) await this.#load()
    const gone = removed.map(path => this.#nodes.get(path))
    if (!gone.every(node => node !== undefined)) return false
    const most = sumOf(removed) - sumOf(added.map(({ path }) => path)) + this.#shredded
    const free = [...this.#free]
    let slots = this.#slots
    const placed = added.map(node => ({ ...node, slot: free.pop() ?? slots++ }))
    const count = countSlot({ least: this.#shredded, most })
    this.#isUnsure = true
    const handle = await open(this.#path, 'r+')
    try {
      // What is damaged stays told.
      await write(handle, [...this.#isWhole ? [[0, count] as const] : [], ...placed.map(node => [node.slot, nodeSlot(node)] as const)])
      await write(handle, gone.map(({ slot }) => [slot, NOTHING]))
      this.#identity = identityOf(await handle.stat())
    } finally {
      await handle.close()
    }
    for (const path of removed) this.#nodes.delete(path)
    for (const node of placed) this.#nodes.set(node.path, node)
    this.#free = [...free, ...gone.map(({ slot }) => slot)]
    this.#slots = slots
    this.#shredded = most
    this.#isUnsure = false
    return true
  }

  /** Overwrites all of it, so that what may become of the file does not matter. */
  async erase (): Promise<void> {
    const handle = await open(this.#path, 'r+')
    try {
      const { size } = await handle.stat()
      await write(handle, Array.from({ length: Math.ceil(size / SLOT_BYTES) }, (_, slot) => [slot, NOTHING]))
    } finally {
      await handle.close()
    }
  }

  async #load (): Promise<void> {
    const bytes = await readFile(this.#path)
    const { nodes, free, leftOver, slots, shredded, isWhole } = settle(bytes)
    const handle = await open(this.#path, 'r+')
    try {
      // A write that has failed before may be in memory alone, and written by no sync: unless it is made again.
      const again = this.#isUnsure ? Array.from({ length: slots }, (_, slot) => [slot, slotIn(bytes, slot)] as const) : []
      await write(handle, [...again, ...leftOver.map(slot => [slot, NOTHING] as const)])
      this.#identity = identityOf(await handle.stat())
    } finally {
      await handle.close()
    }
    this.#nodes = new Map(nodes)
    this.#free = [...free, ...leftOver]
    this.#slots = slots
    this.#shredded = shredded
    this.#isWhole = isWhole
    this.#isUnsure = false
  }
}

/** Writes slots, those that are beside each other at once, and syncs. */
async function write (handle: FileHandle, writes: Writes): Promise<void> {
  const sorted = [...writes].sort(([a], [b]) => a - b)
  for (let begin = 0; begin < sorted.length;) {
    let end = begin + 1
    while (end < sorted.length && sorted[end]![0] === sorted[end - 1]![0] + 1) end++
    const run = Buffer.concat(sorted.slice(begin, end).map(([, bytes]) => bytes))
    await writeWhole(handle, run, sorted[begin]![0] * SLOT_BYTES)
    begin = end
  }
  await handle.sync()
}

async function writeWhole (handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await handle.write(bytes, written, bytes.length - written, position + written)).bytesWritten
  }
}

const slotIn = (file: Buffer, slot: number): Buffer => file.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES)

const sumOf = (paths: readonly string[]): bigint => paths.reduce((sum, path) => sum + leavesBelow(path), 0n)

const identityOf = ({ dev, ino, size }: { dev: number, ino: number, size: number }): string => `${dev} ${ino} ${size}`
