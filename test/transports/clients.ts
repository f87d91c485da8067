import { fromBinary, fromJson, toBinary, toJson, type DescMethodUnary, type JsonObject } from '@bufbuild/protobuf'
import { ConnectError, type Transport } from '@connectrpc/connect'
import { findTrailerError } from '@connectrpc/connect/protocol-grpc'
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web'
import { BadRequestSchema, ErrorInfoSchema } from '../../src/gen/google/rpc/error_details_pb.js'
import { METHODS } from '../../src/rpc/methods.js'
import { CONTEXTS } from '../support/http.js'
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js'

/** What goes beside the message. */
export interface Beside {
  readonly token?: string
  readonly view?: string
  readonly runToken?: boolean
  readonly key?: string
  readonly shred?: boolean
}

export interface Outcome {
  /** `ok`, or the code of the failure. */
  readonly code: string
  readonly message?: Record<string, any>
  readonly existingId?: string | undefined
  /** Which fields are wrong, as paths of a proto. */
  readonly fields?: readonly string[]
}

type Input = Readonly<Record<string, any>>

/** Calls an operation, called as its service and method, with a message in JSON. */
export type Call = (operation: string, input: Input, beside?: Beside) => Promise<Outcome>

const methodOf = (operation: string): DescMethodUnary => METHODS
  .map(({ descriptor }) => descriptor).find(({ parent, name }) => `${parent.name}/${name}` === operation)!
export const OPERATIONS: readonly string[] = METHODS.map(({ descriptor: { parent, name } }) => `${parent.name}/${name}`)

const options = { useProtoFieldName: true }
const query = (values: Readonly<Record<string, unknown>>) => new URLSearchParams(
  Object.entries(values).flatMap(([name, value]) => value === undefined ? [] : [[name, String(value)] as [string, string]])
).toString()

/** How each operation is asked for over REST. */
const REST: Readonly<Record<string, (input: Input) => [method: string, path: string, query?: object, body?: object]>> = {
  'ExecutionContextCommandController/create': input => ['POST', CONTEXTS, {}, input],
  'ExecutionContextCommandController/apply': input => ['POST', `${CONTEXTS}/apply`, {}, input],
  'ExecutionContextCommandController/delete': ({ resource_id: id, ...more }) => ['DELETE', `${CONTEXTS}/${id}`, more],
  'ExecutionContextQueryController/get': ({ value, ...more }) => ['GET', `${CONTEXTS}/${value}`, more],
  'ExecutionContextQueryController/getByReference': input => ['GET', `${CONTEXTS}/by-reference`, input],
  'ExecutionContextCommands/heartbeat': ({ value }) => ['POST', `${CONTEXTS}/${value}/heartbeat`],
  'ExecutionContextCommands/rotate': ({ id, ...body }) => ['POST', `${CONTEXTS}/${id}/rotate`, {}, body],
  'ExecutionContextCommands/deleteByExecution': ({ execution_id: id }) => ['DELETE', `/v1/executions/${id}/execution-contexts`],
  'ExecutionContextQueries/list': ({ labels = [], ...more }) =>
    ['GET', CONTEXTS, { ...more, ...Object.fromEntries(labels.map(({ name, value }: Record<string, string>) => [`label.${name}`, value])) }],
  'ExecutionContextQueries/getBatch': input => ['POST', `${CONTEXTS}/batch-get`, {}, input],
  'ExecutionContextQueries/getEnv': ({ id, ...more }) => ['GET', `${CONTEXTS}/${id}/env`, more],
  'Events/list': ({ id, types = [], wait = '0s', ...more }) =>
    ['GET', id === undefined ? '/v1/events' : `${CONTEXTS}/${id}/events`, { ...more, wait, type: types.length > 0 ? types.join(',') : undefined }],
  'AuditQueries/list': input => ['GET', '/v1/audit-events', input]
}

export const overRest = (address: string): Call => async (operation, input, { token, view, runToken, key, shred } = {}) => {
  const [method, path, parameters, body] = REST[operation]!(input)
  const response = await fetch(`${address}${path}?${query({ ...parameters, view, run_token: runToken, shred })}`, {
    method,
    headers: {
      ...token && { authorization: `Bearer ${token}` }, ...key && { 'idempotency-key': key }, ...body && { 'content-type': 'application/json' }
    },
    ...body && { body: JSON.stringify(body) }
  })
  const text = await response.text()
  if (!response.ok) {
    const { code, existing_id: existingId, errors = [] } = JSON.parse(text)
    return { code, existingId, fields: errors.map(({ pointer }: { pointer: string }) => pointer.slice(1).replaceAll('/', '.')) }
  }
  const { output } = methodOf(operation)
  const json = operation.endsWith('getEnv') ? { content: text } : operation === 'Events/list' ? eventsOf(JSON.parse(text)) : JSON.parse(text)
  return { code: 'ok', message: toJson(output, fromJson(output, json), options) as JsonObject }
}

/** A page of CloudEvents, as a message has it. */
const eventsOf = ({ events, next }: { events: Array<Record<string, any>>, next: string }) => ({
  events: events.map(({ id, type, time, data }) => ({ position: id, type: type.split('.').at(-1), time, ...data })), next
})

/** Each protocol and form of the RPC port, by its name. */
export const RPC: Readonly<Record<string, (address: string) => Call>> = {
  'Connect with JSON': baseUrl => overRpc(createConnectTransport({ baseUrl, jsonOptions: options })),
  'Connect with binary messages': baseUrl => overRpc(createConnectTransport({ baseUrl, useBinaryFormat: true })),
  'Connect, by GET where that is possible': baseUrl => overRpc(createConnectTransport({ baseUrl, useHttpGet: true, jsonOptions: options })),
  'gRPC-Web': baseUrl => overRpc(createGrpcWebTransport({ baseUrl }))
}

const headersOf = ({ token, view, runToken, key, shred }: Beside): Record<string, string> => ({
  ...token && { authorization: `Bearer ${token}` },
  ...view && { 'ectx-view': view },
  ...runToken && { 'ectx-run-token': 'true' },
  ...key && { 'idempotency-key': key },
  ...shred && { 'ectx-shred': 'true' }
})

const overRpc = (transport: Transport): Call => async (operation, input, beside = {}) => {
  const descriptor = methodOf(operation)
  try {
    const { message } = await transport.unary(descriptor, undefined, undefined, headersOf(beside), fromJson(descriptor.input, input))
    return { code: 'ok', message: toJson(descriptor.output, message, options) as JsonObject }
  } catch (error) {
    return outcomeOf(error)
  }
}

function outcomeOf (error: unknown): Outcome {
  if (!(error instanceof ConnectError)) throw error
  const [info] = error.findDetails(ErrorInfoSchema)
  const fields = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations.map(({ field }) => field))
  return { code: info?.reason.toLowerCase() ?? 'unknown', existingId: info?.metadata.existing_id, fields }
}

/** `address` is host and port. */
export function overGrpc (address: string): { readonly call: Call, close (): void } {
  const client = new Client(address, credentials.createInsecure())
  const call: Call = async (operation, input, beside = {}) => {
    const { input: request, output, parent, name } = methodOf(operation)
    const metadata = Metadata.fromHttp2Headers(headersOf(beside))
    const asked = Buffer.from(toBinary(request, fromJson(request, input)))
    return await new Promise(resolve => {
      client.makeUnaryRequest(`/${parent.typeName}/${name}`, (bytes: Buffer) => bytes, bytes => bytes, asked, metadata, (error, answer) => {
        if (error !== null) resolve(failureOf(error))
        else resolve({ code: 'ok', message: toJson(output, fromBinary(output, answer!), options) as JsonObject })
      })
    })
  }
  return { call, close: () => client.close() }
}

function failureOf ({ code, details, metadata }: ServiceError): Outcome {
  const [told] = metadata.get('grpc-status-details-bin')
  // Of the connection, not of the gateway.
  if (told === undefined) return { code: status[code].toLowerCase() }
  return outcomeOf(findTrailerError(new Headers({
    'grpc-status': String(code), 'grpc-message': encodeURIComponent(details), 'grpc-status-details-bin': (told as Buffer).toString('base64')
  })))
}
