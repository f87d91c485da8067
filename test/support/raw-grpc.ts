import { once } from 'node:events'
import { connect, type ClientHttp2Session, type ClientSessionOptions, type IncomingHttpHeaders, type SecureClientSessionOptions } from 'node:http2'
import { status } from '@grpc/grpc-js'
import type { Test } from 'tap'

const SERVICES = 'ai.stigmer.agentic.executioncontext.v1.ExecutionContext'
export const CREATE = `/${SERVICES}CommandController/create`
export const GET = `/${SERVICES}QueryController/get`
export const LIST = '/ectx.v1.ExecutionContextQueries/list'

/** A message as gRPC frames it. */
export function frame (message: Uint8Array, isCompressed = false): Buffer {
  const head = Buffer.alloc(5)
  head[0] = Number(isCompressed)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

export interface RawAnswer {
  /** By its name, in lower case; `reset` where none came. */
  readonly code: string
  readonly message: string
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly body: Buffer
}

const nameOf = (code: unknown) => code === undefined ? 'reset' : (status[Number(code)] ?? String(code)).toLowerCase()

/** Asks over `session` with any headers and any bytes; without an end where `isOpen`. */
export async function ask (
  session: ClientHttp2Session, path: string, headers: object = {}, body: Uint8Array = frame(Buffer.alloc(0)), isOpen = false
): Promise<RawAnswer> {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers })
  let answered: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders | undefined
  const chunks: Buffer[] = []
  stream.on('response', headers => { answered = headers }).on('trailers', found => { trailers = found }).on('data', chunk => chunks.push(chunk))
  // A reset is told by the close that follows.
  stream.on('error', () => {})
  if (isOpen) stream.write(body)
  else stream.end(body)
  await new Promise(resolve => stream.once('close', resolve))
  const { 'grpc-status': code, 'grpc-message': message = '' } = trailers ?? answered
  return {
    code: nameOf(code),
    message: decodeURIComponent(String(message)),
    headers: answered,
    trailers: trailers ?? answered,
    body: Buffer.concat(chunks)
  }
}

/** A session to `address`, which is host and port. */
export async function openSession (
  t: Test, address: string, options: ClientSessionOptions | SecureClientSessionOptions = {}
): Promise<ClientHttp2Session> {
  const session = connect(`${'ca' in options ? 'https' : 'http'}://${address}`, options)
  session.on('error', () => {})
  t.teardown(() => session.destroy())
  await once(session, 'remoteSettings')
  return session
}
