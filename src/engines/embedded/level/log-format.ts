import { maskedCrc } from './masked-crc.js'

// LevelDB's log format (its doc/log_format.md): blocks of 32 KiB with records, each of which is a masked CRC-32C of all that
// follows it but the length, the length, a type, and data. Its manifest has the same.
const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7
const SECTOR_BYTES = 512
const [WHOLE, FIRST, LAST] = [1, 2, 4]

/** Where `log` is not as it was written; `undefined` where it is, or ends in the midst of a write. */
export function damageInLog (log: Buffer): number | undefined {
  for (let at = 0; at + HEADER_BYTES <= log.length;) {
    const left = BLOCK_BYTES - at % BLOCK_BYTES
    if (left < HEADER_BYTES) {
      at += left
      continue
    }
    const length = log.readUInt16LE(at + 4)
    if (isRecord(log, at, length)) {
      at += HEADER_BYTES + length
    } else {
      return isUnfinished(log, at, length) ? undefined : at
    }
  }
  return undefined
}

/** What was written to a log that is not damaged, in order. */
export function * recordsIn (log: Buffer): Generator<Buffer> {
  let parts: Buffer[] = []
  for (let at = 0; at + HEADER_BYTES <= log.length;) {
    const left = BLOCK_BYTES - at % BLOCK_BYTES
    if (left < HEADER_BYTES) {
      at += left
      continue
    }
    const length = log.readUInt16LE(at + 4)
    if (!isRecord(log, at, length)) return
    const type = log[at + 6]!
    if (type === WHOLE || type === FIRST) parts = []
    parts.push(log.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length))
    if (type === WHOLE || type === LAST) yield Buffer.concat(parts)
    at += HEADER_BYTES + length
  }
}

/** Whether there is a record of that length which is whole. */
function isRecord (log: Buffer, at: number, length: number): boolean {
  const end = at + HEADER_BYTES + length
  if (end > log.length || length > BLOCK_BYTES - at % BLOCK_BYTES - HEADER_BYTES || log[at + 6] === 0) return false
  return log.readUInt32LE(at) === maskedCrc(log.subarray(at + 6, end))
}

/**
 * Whether what begins at `at` and is no record is what a write leaves that did not come to its end: the end of the file is missing
 * (and the length is right: with any one bit of it turned there would be a record), or was not written, and so is zeros.
 */
function isUnfinished (log: Buffer, at: number, length: number): boolean {
  const isCutOff = at + HEADER_BYTES + length > log.length && length <= BLOCK_BYTES - at % BLOCK_BYTES - HEADER_BYTES
  if (isCutOff) return !Array.from({ length: 16 }, (_, bit) => length ^ (1 << bit)).some(other => isRecord(log, at, other))
  const sector = Math.ceil(at / SECTOR_BYTES) * SECTOR_BYTES
  for (let from = sector; from < Math.min(log.length, at + HEADER_BYTES + BLOCK_BYTES); from += SECTOR_BYTES) {
    if (log.subarray(from).every(byte => byte === 0)) return true
  }
  return log.subarray(at).every(byte => byte === 0)
}
