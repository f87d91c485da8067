import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { invalidArgument } from '../errors.js'

/** The largest valid message has not half of it; in JSON each character may be escaped. */
export const MOST_BINARY_BYTES = 4 * 1024 * 1024

/** @throws `invalid_argument` where `sent` is no such message; what it holds is not told */
export function decode<M extends DescMessage> (message: M, sent: Uint8Array): MessageShape<M> {
  try {
    return fromBinary(message, sent)
  } catch {
    throw invalidArgument([{ pointer: '', detail: `is no ${message.typeName} in the binary form of protobuf` }])
  }
}
