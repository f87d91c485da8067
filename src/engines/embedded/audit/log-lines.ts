import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileIndex } from './file-index.js'
import { HEAD_BYTES, NO_HASH, previousOf, readLineAt, readLines, type FoundLine, type Line, type Named } from './files.js'
import type { LogFile } from './log-file.js'
import type { PackedFile } from './packed-file.js'
import type { PackedFiles } from './packed-files.js'

/** Where the lines of files are to be found. */
export interface Sources {
  readonly directory: string
  readonly index: FileIndex
  readonly packed: PackedFiles
  /** The files that are written to, or were until a moment ago: they know themselves where what begins. */
  readonly own: readonly LogFile[]
}

/** The lines of a file between two bytes: all, or those that may tell of `key`. @throws where it is absent or cannot be read */
export async function * findLines (
  { directory, index, packed, own }: Sources, { name, isPacked }: Named, start: number, end: number, key: number | undefined
): AsyncGenerator<FoundLine> {
  const path = join(directory, name)
  if (isPacked) {
    yield * unpacked(await packed.open(name), start, key)
  } else if (key === undefined) {
    yield * linked(readLines(path, start, end))
  } else {
    const offsets = await (own.find(({ named }) => named.name === name)?.find(key) ?? index.find(name, key))
    yield * linesAt(path, offsets.filter(offset => offset >= start && offset < end), end)
  }
}

/** The hash that the first line of a file has for the one before it; no hash, where it has none. */
export async function firstPrevious ({ directory, packed }: Sources, { name, isPacked }: Named): Promise<string> {
  if (isPacked) return (await packed.open(name)).directory.blocks[0]?.previous ?? NO_HASH
  const handle = await open(join(directory, name), 'r')
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(HEAD_BYTES), 0, HEAD_BYTES, 0)
    return previousOf(buffer.subarray(0, bytesRead))
  } finally {
    await handle.close()
  }
}

async function * unpacked (file: PackedFile, start: number, key: number | undefined): AsyncGenerator<FoundLine> {
  const { blocks, size } = file.directory
  for (const block of key === undefined ? blocks : await file.find(key)) {
    if ((blocks[blocks.indexOf(block) + 1]?.offset ?? size) <= start) continue
    for (const { bytes, offset, hash, isProved } of await file.read(block)) {
      const isLast = offset + bytes.length + 1 === size
      if (offset >= start) yield { bytes, offset, next: !isProved ? NO_HASH : isLast ? undefined : hash }
    }
  }
}

async function * linked (lines: AsyncIterable<Line>): AsyncGenerator<FoundLine> {
  let last: Line | undefined
  for await (const line of lines) {
    if (last !== undefined) yield { ...last, next: previousOf(line.bytes) }
    last = line
  }
  if (last?.whole) yield { ...last, next: undefined }
}

async function * linesAt (path: string, offsets: readonly number[], end: number): AsyncGenerator<FoundLine> {
  if (offsets.length === 0) return
  const handle = await open(path, 'r')
  try {
    for (const offset of offsets) {
      const line = await readLineAt(handle, offset, end)
      if (line !== undefined) yield line
    }
  } finally {
    await handle.close()
  }
}
