import { Metadata, status, type ServerInterceptingCallInterface } from '@grpc/grpc-js'
import { GatewayError } from '../../errors.js'
import { MOST_BINARY_BYTES } from '../binary-message.js'
import { lateFailure } from '../failure.js'

type Status = Parameters<ServerInterceptingCallInterface['sendStatus']>[0]

/** Trailers as the library sends them. */
export function statusOf (details: string, trailers: Headers): Status {
  const metadata = new Metadata()
  for (const [name, value] of trailers) {
    if (name.endsWith('-bin')) metadata.set(name, Buffer.from(value, 'base64'))
    else if (name !== 'grpc-status' && name !== 'grpc-message') metadata.set(name, value)
  }
  return { code: Number(trailers.get('grpc-status')), details, metadata }
}

const TOO_LARGE = `the message is larger than ${MOST_BINARY_BYTES / 1024 ** 2} MiB`

/** What the library refuses a call with: it calls internal what its client did wrong. */
export function failureOfLibrary (code: status): GatewayError {
  switch (code) {
    case status.DEADLINE_EXCEEDED: return lateFailure()
    case status.RESOURCE_EXHAUSTED: return new GatewayError('resource_exhausted', TOO_LARGE)
    case status.INTERNAL: return new GatewayError('invalid_argument', 'the message cannot be decompressed, or is not of its type')
    case status.UNIMPLEMENTED: return new GatewayError('invalid_argument', 'the call is not exactly one whole message')
    case status.NOT_FOUND: return new GatewayError('not_found', 'nothing is known of a service of that name')
    default: return GatewayError.from(new Error(`grpc-js: ${status[code]}`))
  }
}
