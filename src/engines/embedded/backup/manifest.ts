import { maskedCrc } from '../level/masked-crc.js'

// LevelDB's manifest is a log (see `log-format.ts`) of edits, each of which is tags with what belongs to them (its version_edit.cc).
const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7
const [FULL, , , LAST] = [1, 2, 3, 4]
const TAG = { comparator: 1, log: 2, nextFile: 3, lastSequence: 4, compactPointer: 5, deletedFile: 6, newFile: 7, previousLog: 9 }

/** What a database is made of, by the numbers of its files. */
export interface Version {
  readonly tables: ReadonlySet<number>
  /** The first log that has what is in no table; all that are greater have, too. */
  readonly log: number
}

/** What was in use when `manifest` was read, which may end in the midst of a write. */
export function versionIn (manifest: Buffer): Version {
  const tables = new Set<number>()
  let log = 0
  for (const edit of recordsIn(manifest)) {
    const at = { byte: 0 }
    while (at.byte < edit.length) {
      switch (varint(edit, at)) {
        case TAG.log:
          log = varint(edit, at)
          break
        case TAG.nextFile:
        case TAG.lastSequence:
        case TAG.previousLog:
          varint(edit, at)
          break
        case TAG.comparator:
          skip(edit, at)
          break
        case TAG.compactPointer:
          varint(edit, at)
          skip(edit, at)
          break
        case TAG.deletedFile:
          varint(edit, at)
          tables.delete(varint(edit, at))
          break
        case TAG.newFile:
          varint(edit, at)
          tables.add(varint(edit, at))
          varint(edit, at)
          skip(edit, at)
          skip(edit, at)
          break
        default:
          throw new RangeError('the manifest has something that this version does not know')
      }
    }
  }
  return { tables, log }
}

/** The records of a log, each of which may be in several parts, up to the first that is not whole. */
function * recordsIn (log: Buffer): Generator<Buffer> {
  let parts: Buffer[] = []
  for (let at = 0; at + HEADER_BYTES <= log.length;) {
    const left = BLOCK_BYTES - at % BLOCK_BYTES
    if (left < HEADER_BYTES) {
      at += left
      continue
    }
    const [end, type] = [at + HEADER_BYTES + log.readUInt16LE(at + 4), log[at + 6]!]
    if (type === 0 || end > log.length || log.readUInt32LE(at) !== maskedCrc(log.subarray(at + 6, end))) return
    parts.push(log.subarray(at + HEADER_BYTES, end))
    if (type === FULL || type === LAST) {
      yield Buffer.concat(parts)
      parts = []
    }
    at = end
  }
}

function skip (bytes: Buffer, at: { byte: number }): void {
  const length = varint(bytes, at)
  at.byte += length
}

function varint (bytes: Buffer, at: { byte: number }): number {
  for (let value = 0, factor = 1; ; factor *= 128) {
    const byte = bytes.readUInt8(at.byte++)
    value += (byte & 127) * factor
    if (byte < 128) return value
  }
}
