import { maskedCrc } from './masked-crc.js'
import { varint } from './varint.js'

// LevelDB's table format (its doc/table_format.md): blocks, each with its type and a masked CRC-32C of both behind it. A footer leads to
// two of them: the index, which leads to all that hold data, and the metaindex, which leads to the filter.
const FOOTER_BYTES = 48
const TRAILER_BYTES = 5
const MAGIC = 0xdb4775248b80fb57n
const [PLAIN, SNAPPY] = [0, 1]

/** Whether every block of the table is as it was written. */
export function isTableWhole (table: Buffer): boolean {
  try {
    const footer = table.subarray(-FOOTER_BYTES)
    if (footer.readBigUInt64LE(FOOTER_BYTES - 8) !== MAGIC) return false
    const at = { byte: 0 }
    const [metaindex, index] = [handleAt(footer, at), handleAt(footer, at)]
    const handles = [...handlesIn(blockAt(table, metaindex)), ...handlesIn(blockAt(table, index))]
    return handles.every(handle => isBlock(table, handle))
  } catch {
    // What leads somewhere else is damaged, too.
    return false
  }
}

interface Handle {
  readonly offset: number
  readonly size: number
}

function isBlock (table: Buffer, { offset, size }: Handle): boolean {
  const end = offset + size + TRAILER_BYTES
  return end <= table.length && table.readUInt32LE(end - 4) === maskedCrc(table.subarray(offset, end - 4))
}

function blockAt (table: Buffer, handle: Handle): Buffer {
  if (!isBlock(table, handle)) throw new RangeError('the block is damaged')
  const { offset, size } = handle
  const block = table.subarray(offset, offset + size)
  switch (table[offset + size]) {
    case PLAIN: return block
    case SNAPPY: return uncompressed(block)
    default: throw new RangeError('the type of the block is not known')
  }
}

/** What the entries of a block lead to: each has a key, of which a part may be the same as before, and a handle. */
function * handlesIn (block: Buffer): Generator<Handle> {
  const end = block.length - 4 * (block.readUInt32LE(block.length - 4) + 1)
  for (const at = { byte: 0 }; at.byte < end;) {
    varint(block, at)
    const keyBytes = varint(block, at)
    const valueBytes = varint(block, at)
    at.byte += keyBytes
    const next = at.byte + valueBytes
    yield handleAt(block, at)
    at.byte = next
  }
}

const handleAt = (bytes: Buffer, at: { byte: number }): Handle => ({ offset: varint(bytes, at), size: varint(bytes, at) })

/** What Snappy has made `block` of (its format_description.txt). @throws where it was not Snappy */
function uncompressed (block: Buffer): Buffer {
  const at = { byte: 0 }
  const whole = Buffer.alloc(varint(block, at))
  let length = 0
  while (at.byte < block.length) {
    const tag = block[at.byte++]!
    const kind = tag & 3
    if (kind === 0) {
      // A literal, whose length may stand in up to four bytes behind the tag.
      const lengthBytes = Math.max(0, (tag >> 2) - 59)
      const count = (lengthBytes === 0 ? tag >> 2 : block.readUIntLE(at.byte, lengthBytes)) + 1
      at.byte += lengthBytes
      length += block.copy(whole, length, at.byte, at.byte + count)
      at.byte += count
    } else {
      // A copy of what stands so far back, which may reach into itself.
      const offsetBytes = kind === 3 ? 4 : kind
      const back = block.readUIntLE(at.byte, offsetBytes) + (kind === 1 ? (tag >> 5) * 256 : 0)
      at.byte += offsetBytes
      const count = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
      if (back === 0 || back > length) throw new RangeError('the copy leads out of the block')
      for (let index = 0; index < count; index++) whole[length + index] = whole[length + index - back]!
      length += count
    }
  }
  return whole
}
