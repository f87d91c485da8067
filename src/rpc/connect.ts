import { Readable } from 'node:stream'
import type { DescMessage, JsonValue } from '@bufbuild/protobuf'
import { Code, ConnectError, createConnectRouter, createContextKey, createContextValues, type HandlerContext } from '@connectrpc/connect'
import { base64Decode } from '@bufbuild/protobuf/wire'
import type { UniversalHandler, UniversalServerRequest } from '@connectrpc/connect/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError, invalidArgument, oneEach } from '../errors.js'
import type { Operations } from '../kinds/operations.js'
import { tooLarge, type Bodies } from '../server/bodies.js'
import { goneOf } from '../server/connection.js'
import { HttpFailure } from '../server/failure.js'
import { parseJsonBody } from '../server/json/json-body.js'
import type { Edge, Transport } from '../server/transport.js'
import { decode, MOST_BINARY_BYTES } from './binary-message.js'
import { JSON_OPTIONS, lateFailure, refuse, toConnectError } from './failure.js'
import { mistakesIn } from './json-message.js'
import { askedIn } from './metadata.js'
import { METHODS } from './methods.js'
import { WATCH, watchEvents } from './watch.js'

const REQUEST = createContextKey<FastifyRequest | undefined>(undefined)
// The library wants a whole URL, and looks at its query alone.
const ANY_HOST = 'http://localhost'
const NEVER = new AbortController().signal
const SERVICES = [...new Set(METHODS.map(({ descriptor }) => `/${descriptor.parent.typeName}/`))]
/** Of one message each way; JSON inside gRPC-Web frames is what nobody sends. */
const UNARY = /^application\/(?:json|proto|grpc-web(?:\+proto)?)(?:$|\s*;)/i
/** Of one message, and many in answer to it. */
const STREAMING = /^application\/(?:connect\+json|connect\+proto|grpc-web(?:\+proto)?)(?:$|\s*;)/i

/** Connect and gRPC-Web: the operations by the services of the protos, on the port of REST. */
export const createConnect = (operations: Operations, bodies: Bodies): Transport => ({
  owns: path => SERVICES.some(service => path.startsWith(service)),
  refuse,

  async register (app: FastifyInstance, edge: Edge): Promise<void> {
    await app.register(async rpc => {
      edge.protect(rpc)
      rpc.removeAllContentTypeParsers()
      rpc.addContentTypeParser('*', (request: FastifyRequest) => bodies.read(request.raw))
      for (const handler of handlersOf(operations, edge)) {
        rpc.route({
          method: handler.allowedMethods as Array<'GET' | 'POST'>,
          url: handler.requestPath,
          exposeHeadRoute: false,
          schema: { operationId: `${handler.service.name}/${handler.method.name}` },
          handler: (request, reply) => serve(handler, request, reply)
        })
      }
    })
  }
})

function handlersOf (operations: Operations, edge: Edge): readonly UniversalHandler[] {
  const router = createConnectRouter({
    grpc: false, jsonOptions: JSON_OPTIONS, acceptCompression: [], interceptors: []
  })
  for (const { descriptor, run } of METHODS) {
    router.rpc(descriptor, async (input, context: HandlerContext) => {
      const request = context.values.get(REQUEST)!
      context.responseTrailer.set('x-request-id', request.id)
      try {
        return await run(operations, input, askedIn(request), context.signal)
      } catch (error) {
        const failure = failureOf(error, context.signal)
        edge.failed(request, failure)
        throw toConnectError(failure, request.id)
      }
    })
  }
  router.rpc(WATCH, async function * (input, context: HandlerContext) {
    const request = context.values.get(REQUEST)!
    context.responseTrailer.set('x-request-id', request.id)
    const watching = { origin: request.origin, streams: edge.streams, mayStillCall: edge.mayStillCall(request), signal: context.signal }
    try {
      yield * watchEvents(operations, input, watching)
    } catch (error) {
      const failure = failureOf(error, context.signal)
      edge.failed(request, failure)
      throw toConnectError(failure, request.id)
    }
  })
  return router.handlers
}

/** What a run came to: where its deadline has passed meanwhile, that. */
function failureOf (error: unknown, { aborted, reason }: AbortSignal): GatewayError {
  const isLate = aborted && reason instanceof ConnectError && reason.code === Code.DeadlineExceeded
  return isLate ? lateFailure() : GatewayError.from(error)
}

async function serve (handler: UniversalHandler, request: FastifyRequest, reply: FastifyReply) {
  const { status, header, body } = await handler({
    httpVersion: request.raw.httpVersion,
    url: new URL(request.url, ANY_HOST).href,
    method: request.method,
    header: headersOf(request),
    body: bodyOf(handler, request),
    signal: goneOf(request) ?? NEVER,
    contextValues: createContextValues().set(REQUEST, request)
  })
  reply.code(status).header('cache-control', 'no-store')
  header?.forEach((value, name) => { if (name !== 'content-length') reply.header(name, value) })
  if (isStreaming(handler)) return reply.header('x-accel-buffering', 'no').send(Readable.from(body ?? [], { highWaterMark: 1 }))
  const chunks: Uint8Array[] = []
  for await (const chunk of body ?? []) chunks.push(chunk)
  return reply.send(Buffer.concat(chunks))
}

function headersOf ({ headers }: FastifyRequest): Headers {
  const found = new Headers()
  for (const [name, value] of Object.entries(headers)) for (const each of [value ?? []].flat()) found.append(name, each)
  return found
}

/** The body, which is known to be such a message by then: what the library says of one that is none quotes it, or calls it our fault. */
function bodyOf (handler: UniversalHandler, request: FastifyRequest): UniversalServerRequest['body'] {
  const { input } = handler.method
  if (request.method === 'GET') {
    const { encoding, message } = messageInQuery(request)
    if (encoding === 'json') readJson(input, message)
    else decode(input, message)
    return bytes(Buffer.alloc(0))
  }
  const type = (request.headers['content-type'] ?? '').toLowerCase()
  const body = request.body as Buffer | undefined ?? Buffer.alloc(0)
  const [types, names] = isStreaming(handler) ? [STREAMING, 'connect+json, application/connect+proto'] : [UNARY, 'json, application/proto']
  if (!types.test(type)) {
    throw new HttpFailure(415, 'invalid_argument', `the Content-Type must be application/${names} or application/grpc-web`)
  }
  if (type.startsWith('application/json')) return readJson(input, body) ?? {}
  if (body.length > MOST_BINARY_BYTES) throw new HttpFailure(413, 'resource_exhausted', tooLarge(MOST_BINARY_BYTES))
  const message = /^application\/(?:grpc-web|connect)/.test(type) ? messageInFrame(body) : body
  if (type.startsWith('application/connect+json')) readJson(input, message)
  else decode(input, message)
  return bytes(body)
}

async function * bytes (body: Buffer): AsyncGenerator<Uint8Array> {
  yield body
}

/** What the query of a GET holds, read as the library does. */
function messageInQuery ({ url }: FastifyRequest): { readonly encoding: string | null, readonly message: Buffer } {
  const query = new URL(url, ANY_HOST).searchParams
  const message = query.get('message') ?? ''
  try {
    const bytes = query.get('base64') === '1' ? Buffer.from(base64Decode(message)) : Buffer.from(message)
    return { encoding: query.get('encoding'), message: bytes }
  } catch {
    throw invalidArgument([{ pointer: '/message', detail: 'is not base64' }])
  }
}

const isStreaming = ({ method }: UniversalHandler) => method.methodKind === 'server_streaming'

const FRAME_HEAD = 5

/** gRPC-Web, and Connect where it streams, put a byte of flags and the length before a message. */
function messageInFrame (body: Buffer): Buffer {
  const isWhole = body.length >= FRAME_HEAD && body[0] === 0 && body.readUInt32BE(1) === body.length - FRAME_HEAD
  if (!isWhole) throw invalidArgument([{ pointer: '', detail: 'is not one frame that is sent plain' }])
  return body.subarray(FRAME_HEAD)
}

/** @throws `invalid_argument` where the text is no JSON, or not of such a message */
function readJson (message: DescMessage, text: Buffer): JsonValue | undefined {
  const { value, flaws } = parseJsonBody(text)
  if (value === undefined) return undefined
  const mistakes = [...flaws, ...mistakesIn(message, value)]
  if (mistakes.length > 0) throw invalidArgument(oneEach(mistakes))
  return value as JsonValue
}
