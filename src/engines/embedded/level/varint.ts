/** The number that begins at `at`, seven bits in each byte, which then is behind it. @throws where the bytes end before it does */
export function varint (bytes: Buffer, at: { byte: number }): number {
  for (let value = 0, factor = 1; ; factor *= 128) {
    const byte = bytes.readUInt8(at.byte++)
    value += (byte & 127) * factor
    if (byte < 128) return value
  }
}
