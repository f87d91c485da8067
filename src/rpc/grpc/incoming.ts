import { GatewayError, invalidArgument } from '../../errors.js'
import { MOST_BINARY_BYTES } from '../binary-message.js'
import type { Call } from './call.js'
import { isCompressed } from './headers.js'

const HEAD_BYTES = 5
/** What Deflate makes of one byte at most. */
const MOST_OF_A_BYTE = 1032
const NOT_ONE = invalidArgument([{ pointer: '', detail: 'is not exactly one whole message, in a frame of gRPC' }])

/** Looks at what comes in of `call`, before the library does: it takes room, and is one message; the library takes more for one. */
export function watchIncoming (call: Call): void {
  const { stream, headers, route: { kind, mostBytes } } = call
  const compressed = isCompressed(headers)
  let received = 0
  let head = Buffer.alloc(0)

  stream.on('data', (chunk: Buffer) => {
    if (call.isOver) return
    received += chunk.length
    call.room.grow(compressed ? Math.min(received * MOST_OF_A_BYTE, MOST_BINARY_BYTES) : received)
    if (received > mostBytes) return call.refuse(new GatewayError('resource_exhausted', `this call may send ${mostBytes} bytes`))
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)])
    if (head[0]! > Number(compressed)) call.refuse(NOT_ONE)
  })
  if (kind === 'unary') {
    stream.on('end', () => {
      const isWhole = head.length === HEAD_BYTES && received === HEAD_BYTES + head.readUInt32BE(1)
      if (!call.isOver && !isWhole) call.refuse(NOT_ONE)
    })
  }
}
