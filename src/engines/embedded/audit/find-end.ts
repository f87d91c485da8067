import { join } from 'node:path'
import { hashOf, parseLine } from '../../../audit/event.js'
import { readLines, type Named } from './files.js'
import { PackedFile } from './packed-file.js'
import type { HeadState } from './head.js'

export interface FoundEnd {
  /** How many bytes of the last file are whole lines. */
  readonly size: number
  /** The last line of all. */
  readonly last?: { readonly sequence: number, readonly hash: string }
  /** The greatest `commit` of all. */
  readonly commit: number
}

/** Where the lines in `files` end, which go on behind what `head` says where that was not written after the last of them. */
export async function findEnd (directory: string, files: readonly Named[], head: HeadState | undefined): Promise<FoundEnd> {
  let size: number | undefined
  let last: FoundEnd['last']
  let commit = head?.commit ?? 0
  for (const { name, first, isPacked } of files.toReversed()) {
    const path = join(directory, name)
    const found = isPacked ? await readPackedEnd(path) : await readEnd(path, first)
    size ??= found.size
    last ??= found.last
    commit = Math.max(commit, found.commit)
    if (last !== undefined && (head !== undefined ? first <= head.sequence : commit > 0)) break
  }
  return { size: size ?? 0, last, commit }
}

async function readEnd (path: string, first: number): Promise<FoundEnd> {
  let [lines, size, commit] = [0, 0, 0]
  let last: Buffer | undefined
  for await (const { bytes, offset, whole } of readLines(path)) {
    if (!whole) break
    lines++
    last = bytes
    size = offset + bytes.length + 1
    commit = commitOf(bytes) ?? commit
  }
  return {
    size,
    last: last && { sequence: parseLine(last)?.sequence ?? first + lines - 1, hash: hashOf(last) },
    commit
  }
}

/** One that is damaged has no lines that could be gone on from. */
async function readPackedEnd (path: string): Promise<FoundEnd> {
  const { directory: { blocks, size, hash, commit } } = await PackedFile.open(path).catch(error => {
    if ('syscall' in error) throw error
    return { directory: { blocks: [], size: 0, hash: '', commit: 0 } }
  })
  const last = blocks.at(-1)
  return { size, last: last && { sequence: last.sequence + last.lines - 1, hash }, commit }
}

// Stands where no caller can write. Every line of a file is looked at: to parse each takes much longer.
const COMMIT = /^\{"sequence":\d+,"previous":"[0-9a-f]{64}","commit":(\d+),/

export function commitOf (line: Buffer): number | undefined {
  const [, commit] = COMMIT.exec(line.toString('latin1', 0, 160)) ?? []
  return commit === undefined ? undefined : Number(commit)
}
