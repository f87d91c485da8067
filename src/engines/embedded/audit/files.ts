import { open, readdir, type FileHandle } from 'node:fs/promises'

const NAME = /^audit-(\d{4}-\d{2}-\d{2})-(\d{12,})\.jsonl(\.z)?$/

/** One file of the log, as its name tells. */
export interface Named {
  readonly name: string
  /** The UTC day on which it was begun. */
  readonly day: string
  /** The sequence of its first line. */
  readonly first: number
  /** Whether it is a `PackedFile`, which has the lines that the file of the same name without `.z` had. */
  readonly isPacked: boolean
}

export const dayOf = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 10)

export const named = (day: string, first: number): Named =>
  ({ name: `audit-${day}-${String(first).padStart(12, '0')}.jsonl`, day, first, isPacked: false })

/** `named` when it is packed. */
export const packed = (named: Named): Named => ({ ...named, name: `${named.name}.z`, isPacked: true })

/** The files of the log in `directory`, oldest first. One that is there packed too is left out: it is about to go. */
export async function listFiles (directory: string): Promise<Named[]> {
  const files = await listAll(directory)
  const both = new Set(files.filter(({ isPacked }) => isPacked).map(({ name }) => name.slice(0, -2)))
  return files.filter(({ name }) => !both.has(name))
}

/** As `listFiles`, with those that are there packed too. */
export async function listAll (directory: string): Promise<Named[]> {
  const files = (await readdir(directory)).flatMap(name => {
    const [, day, first, z] = NAME.exec(name) ?? []
    return day === undefined ? [] : [{ name, day, first: Number(first), isPacked: z !== undefined }]
  })
  return files.sort((a, b) => a.first - b.first || (a.day < b.day ? -1 : 1))
}

export interface Line {
  /** Without its newline. */
  readonly bytes: Buffer
  /** Where in the file it begins. */
  readonly offset: number
  /** Whether a newline ends it: only the last line of a file can be without one. */
  readonly whole: boolean
}

/** A line that was found. */
export interface FoundLine {
  readonly bytes: Buffer
  /** The byte at which it begins, or began before it was packed. */
  readonly offset: number
  /** The hash that the line behind it has for it, which is none of any line where it cannot be told; `undefined` where it is the last of its file. */
  readonly next: string | undefined
}

const CHUNK = 256 * 1024

/** The lines of `path` from the byte `start` to the byte `end`; none where that comes first. */
export async function * readLines (path: string, start = 0, end = Infinity): AsyncGenerator<Line> {
  const handle = await open(path, 'r')
  try {
    let rest: Buffer = Buffer.alloc(0)
    for (let offset = start; ;) {
      const length = Math.max(0, Math.min(CHUNK, end - offset - rest.length))
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK), 0, length, offset + rest.length)
      if (bytesRead === 0) {
        if (rest.length > 0) yield { bytes: rest, offset, whole: false }
        return
      }
      const bytes = rest.length === 0 ? buffer.subarray(0, bytesRead) : Buffer.concat([rest, buffer.subarray(0, bytesRead)])
      let begin = 0
      // What was left of the last chunk holds no newline.
      for (let newline = bytes.indexOf(10, rest.length); newline !== -1; newline = bytes.indexOf(10, begin)) {
        yield { bytes: bytes.subarray(begin, newline), offset: offset + begin, whole: true }
        begin = newline + 1
      }
      rest = bytes.subarray(begin)
      offset += begin
    }
  } finally {
    await handle.close()
  }
}

/** The hash of no line. */
export const NO_HASH = ''
/** As much of a line as has the hash of the one before. */
export const HEAD_BYTES = 128

/** The line that begins at the byte `offset`; `undefined` where none ends before `end`. */
export async function readLineAt (handle: FileHandle, offset: number, end = Infinity): Promise<FoundLine | undefined> {
  for (let size = 1024; ; size *= 4) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(size), 0, Math.min(size, end - offset), offset)
    const newline = buffer.subarray(0, bytesRead).indexOf(10)
    const isAll = bytesRead < size
    if (newline !== -1 && (isAll || newline + HEAD_BYTES < bytesRead)) {
      const next = newline + 1 < bytesRead ? previousOf(buffer.subarray(newline + 1, bytesRead)) : undefined
      return { bytes: buffer.subarray(0, newline), offset, next }
    }
    if (isAll) return undefined
  }
}

/** What `line` has for the hash of the one before it: no hash, where it is no line of ours. */
export function previousOf (line: Buffer): string {
  const [, previous = NO_HASH] = /^\{"sequence":\d+,"previous":"([0-9a-f]{64})"/.exec(line.toString('latin1', 0, HEAD_BYTES)) ?? []
  return previous
}

export const isAbsent = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'
