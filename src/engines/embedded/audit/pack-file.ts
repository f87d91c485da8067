import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from '../../../files/durable-file.js'
import { parseLine } from '../../../audit/event.js'
import { packLines, unpackLines } from './block.js'
import { BlockIndexBuilder } from './block-index.js'
import { commitOf } from './find-end.js'
import { packed as packedOf, readLines, type Line, type Named } from './files.js'
import { endOf, type Block } from './packed-file.js'
import { keysOf } from './postings.js'

// A page of a context unpacks some of them: they are small enough to take a few milliseconds.
const BLOCK_BYTES = 128 * 1024

/**
 * Puts a packed file in the place of `named`, which is finished. Whatever happens, the one or the other is there, whole. Each
 * block is unpacked again and compared before the file goes. Answers whether it was packed: it is not where its lines are not as they were
 * written, or where `isOver` says to stop.
 */
export async function packFile (directory: string, named: Named, isOver: () => boolean): Promise<boolean> {
  const path = join(directory, named.name)
  const packed = join(directory, packedOf(named).name)
  const temporary = `${packed}.tmp`
  const handle = await open(temporary, 'w', 0o600)
  try {
    const end = await writeBlocks(path, bytes => handle.appendFile(bytes), isOver)
    if (end === undefined) return false
    await handle.appendFile(end)
    await handle.sync()
    await rename(temporary, packed)
  } finally {
    await handle.close()
    await rm(temporary, { force: true })
  }
  await syncDirectory(directory)
  await rm(path)
  return true
}

/** Writes the lines of the file at `path` as blocks, and answers what comes behind them; nothing where they cannot be packed. */
async function writeBlocks (path: string, write: (bytes: Buffer) => Promise<void>, isOver: () => boolean): Promise<Buffer | undefined> {
  const blocks: Block[] = []
  const index = new BlockIndexBuilder()
  let [at, size, commit] = [0, 0, 0]
  let hash: string | undefined
  for await (const lines of blocksIn(path)) {
    const first = parseLine(lines[0]!.bytes)
    if (isOver() || first === undefined || (hash !== undefined && first.previous !== hash) || !lines.at(-1)!.whole) return undefined
    const whole = lines.map(({ bytes }) => Buffer.concat([bytes, NEWLINE]))
    const packed = await packLines(whole)
    const before = { sequence: first.sequence - 1, hash: first.previous }
    const again = await unpackLines(packed, lines.length, before).catch(() => undefined)
    if (again === undefined || !again.lines.every(({ bytes }, place) => bytes.equals(lines[place]!.bytes))) return undefined
    index.add(blocks.length, lines.flatMap(({ bytes }) => keysOf(parseLine(bytes) ?? {})))
    blocks.push({ at, length: packed.length, offset: size, lines: lines.length, sequence: first.sequence, previous: first.previous })
    await write(packed)
    at += packed.length
    size += whole.reduce((sum, { length }) => sum + length, 0)
    hash = again.hash
    commit = Math.max(commit, ...lines.map(({ bytes }) => commitOf(bytes) ?? 0))
  }
  return hash === undefined ? undefined : endOf(index.table(), { blocks, size, hash, commit })
}

async function * blocksIn (path: string): AsyncGenerator<Line[]> {
  let lines: Line[] = []
  let size = 0
  for await (const line of readLines(path)) {
    lines.push(line)
    size += line.bytes.length
    if (size < BLOCK_BYTES) continue
    yield lines
    lines = []
    size = 0
  }
  if (lines.length > 0) yield lines
}

const NEWLINE = Buffer.from('\n')
