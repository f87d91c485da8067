import crc32c from 'crc-32/crc32c.js'

/** The CRC-32C of `bytes` as LevelDB writes it beside them: turned and moved, since it may stand among bytes that have one too. */
export function maskedCrc (bytes: Uint8Array): number {
  const crc = crc32c.buf(bytes) >>> 0
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
