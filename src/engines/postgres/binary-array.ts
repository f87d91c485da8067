// PostgreSQL's binary form of an array: a third of the work, here and there, that its text is. See array_send in its sources: the number of
// dimensions, whether there are nulls, the type of the elements, their number, the lower bound; then each with its size, -1 for null.

const HEADER = 20
const TYPES = { bytea: 17, int8: 20, int4: 23, text: 25 } as const

/** An array of text as a parameter of a statement. */
export const texts = (values: ReadonlyArray<string | null>): Buffer =>
  encode(TYPES.text, values, text => Buffer.byteLength(text), (text, to, at) => { to.write(text, at) })

/** An array of bytea. */
export const byteas = (values: ReadonlyArray<Uint8Array | null>): Buffer =>
  encode(TYPES.bytea, values, bytes => bytes.length, (bytes, to, at) => { to.set(bytes, at) })

/** An array of bigint. */
export const bigints = (values: ReadonlyArray<number | null>): Buffer =>
  encode(TYPES.int8, values, () => 8, (value, to, at) => { to.writeBigInt64BE(BigInt(value), at) })

/** An array of integer. */
export const integers = (values: readonly number[]): Buffer =>
  encode(TYPES.int4, values, () => 4, (value, to, at) => { to.writeInt32BE(value, at) })

function encode<T> (
  type: number, values: ReadonlyArray<T | null>, sizeOf: (value: T) => number, write: (value: T, to: Buffer, at: number) => void
): Buffer {
  const sizes = values.map(value => value === null ? -1 : sizeOf(value))
  const buffer = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + Math.max(0, size), HEADER))
  for (const [index, value] of [1, sizes.includes(-1) ? 1 : 0, type, values.length, 1].entries()) buffer.writeInt32BE(value, index * 4)
  let at = HEADER
  for (const [index, value] of values.entries()) {
    const size = sizes[index]!
    at = buffer.writeInt32BE(size, at)
    if (value === null) continue
    write(value, buffer, at)
    at += size
  }
  return buffer
}
