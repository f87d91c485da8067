// Runs in a web page too: calls a gateway as the code of a web application does.
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web'
import { ExecutionContextCommandController } from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/command_pb.js'
import { ExecutionContextQueryController } from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/query_pb.js'
import { ErrorInfoSchema } from '../../src/gen/google/rpc/error_details_pb.js'

interface Options { readonly baseUrl: string }

const TRANSPORTS = {
  Connect: createConnectTransport,
  'Connect, by GET where that is possible': (options: Options) => createConnectTransport({ ...options, useHttpGet: true }),
  'gRPC-Web': createGrpcWebTransport
}

export type Protocol = keyof typeof TRANSPORTS
export const PROTOCOLS = Object.keys(TRANSPORTS) as Protocol[]

export interface Access {
  readonly protocol: Protocol
  readonly address: string
  readonly headers: Readonly<Record<string, string>>
}

function clientsOf ({ protocol, address }: Access) {
  const transport = TRANSPORTS[protocol]({ baseUrl: address })
  return {
    commands: createClient(ExecutionContextCommandController, transport),
    queries: createClient(ExecutionContextQueryController, transport)
  }
}

/** Creates a context with `secret` in it, reads it, and creates it once more. */
export async function use (access: Access, name: string, secret: string) {
  const { commands, queries } = clientsOf(access)
  const { headers } = access
  const context = { metadata: { name }, spec: { executionId: 'wfx-1', data: { TOKEN: { value: secret, isSecret: true } } } }
  const requestIds: Array<string | null> = []
  const note = (from: Headers) => { requestIds.push(from.get('x-request-id')) }

  const { metadata } = await commands.create(context, { headers, onHeader: note, onTrailer: note })
  const id = metadata!.id
  const got = await queries.get({ value: id }, { headers })
  const redacted = await queries.get({ value: id }, { headers: { ...headers, 'ectx-view': 'redacted' } })
  const again = await failureOf(commands.create(context, { headers }))
  return { id, secret: got.spec?.data.TOKEN?.value, redacted: redacted.spec?.data.TOKEN?.value, requestIds, again }
}

/** Reads what has the slug `slug`, and creates something: by clients, and by what a page may send unasked. */
export async function visit (access: Access, slug: string) {
  const { commands, queries } = clientsOf(access)
  const { address, headers } = access
  const context = { metadata: { name: 'By another' }, spec: { executionId: 'wfx-1' } }
  const { parent, name } = ExecutionContextCommandController.method.create
  const sent = { method: 'POST', mode: 'no-cors', body: JSON.stringify(context) } as const
  return [
    await failureOf(queries.getByReference({ slug }, { headers })),
    await failureOf(commands.create(context, { headers })),
    await failureOf(fetch(`${address}/${parent.typeName}/${name}`, sent))
  ]
}

/** What a call failed with; `undefined` where it did not. */
async function failureOf (call: Promise<unknown>) {
  try {
    await call
    return undefined
  } catch (error) {
    const failure = ConnectError.from(error)
    const [info] = failure.findDetails(ErrorInfoSchema)
    const told = { code: Code[failure.code], message: failure.rawMessage }
    return info === undefined ? told : { ...told, reason: info.reason, existingId: info.metadata.existing_id }
  }
}
