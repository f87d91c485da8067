import type { IncomingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { invalidArgument } from '../../errors.js'
import { HttpFailure } from '../../server/failure.js'
import { isFromThisMachine } from '../../server/this-machine.js'

// What the headers of a call say, before the library reads them: it calls some of their mistakes internal.

const CONTENT_TYPE = /^application\/grpc(?:\+proto)?(?:$|\s*;)/i
const TIMEOUT = /^(\d{1,8})([HMSmun])$/
const MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }

export const isGrpc = (headers: IncomingHttpHeaders): boolean =>
  headers[':method'] === 'POST' && CONTENT_TYPE.test(headers['content-type'] ?? '')

/** Whether messages may be compressed. @throws `unimplemented` where they are in a way that the library does not know */
export function isCompressed ({ 'grpc-encoding': encoding = 'identity' }: IncomingHttpHeaders): boolean {
  if (encoding === 'identity') return false
  if (encoding === 'gzip' || encoding === 'deflate') return true
  throw new HttpFailure(415, 'unimplemented', 'messages are taken plain, or compressed by gzip or deflate')
}

/** How many milliseconds a call may take. @throws `invalid_argument` */
export function timeoutOf ({ 'grpc-timeout': timeout }: IncomingHttpHeaders): number {
  if (timeout === undefined) return Infinity
  const [, value, unit] = TIMEOUT.exec(String(timeout)) ?? []
  if (unit === undefined) throw invalidArgument([{ pointer: '/grpc-timeout', detail: 'must be 1 to 8 digits and H, M, S, m, u or n' }])
  return Number(value) * MS[unit]!
}

/** As for HTTP/1.1, where `:authority` is what `Host` is there. */
export function isLocal (socket: Socket, headers: IncomingHttpHeaders): boolean {
  const { ':authority': authority, host } = headers
  if (authority !== undefined && host !== undefined && authority !== host) return false
  const named = authority ?? host
  if (named === undefined) return false
  return isFromThisMachine({ socket, headers: { ...headers, host: named }, rawHeaders: ['host', named], url: headers[':path'] ?? '' })
}
