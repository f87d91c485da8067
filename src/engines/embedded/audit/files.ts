import { open, readdir, type FileHandle } from 'node:fs/promises'

const NAME = /^audit-(\d{4}-\d{2}-\d{2})-(\d{12,})\.jsonl$/

/** One file of the log, as its name tells. */
export interface Named {
  readonly name: string
  /** The UTC day on which it was begun. */
  readonly day: string
  /** The sequence of its first line. */
  readonly first: number
}

export const dayOf = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 10)

export const named = (day: string, first: number): Named =>
  ({ name: `audit-${day}-${String(first).padStart(12, '0')}.jsonl`, day, first })

/** The files of the log in `directory`, oldest first. */
export async function listFiles (directory: string): Promise<Named[]> {
  const files = (await readdir(directory)).flatMap(name => {
    const [, day, first] = NAME.exec(name) ?? []
    return day === undefined ? [] : [{ name, day, first: Number(first) }]
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

/** The line that begins at the byte `offset`; `undefined` where none ends behind it. */
export async function readLineAt (handle: FileHandle, offset: number): Promise<Buffer | undefined> {
  for (let size = 1024; ; size *= 4) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(size), 0, size, offset)
    const newline = buffer.subarray(0, bytesRead).indexOf(10)
    if (newline !== -1) return buffer.subarray(0, newline)
    if (bytesRead < size) return undefined
  }
}

export const isAbsent = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'
