// The stream of events by every protocol that is no REST.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web'
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import { Events, EventSchema, WatchEventsRequestSchema, type Event } from '../../src/gen/ectx/v1/events_pb.js'
import { bearer, OPERATOR, withTokens } from '../support/callers.js'
import { contextBody, PATH, post, startGateway } from '../support/gateway.js'
import { until } from '../support/until.js'

interface Asked { readonly id?: string, readonly after?: string, readonly types?: string[] }
type Watch = (asked: Asked, token?: string) => AsyncIterable<Event>

const PATH_OF_WATCH = `/${Events.typeName}/${Events.method.watch.name}`

const overConnect = (transport: Parameters<typeof createClient>[1]): Watch => (asked, token) =>
  createClient(Events, transport).watch(asked, { headers: token === undefined ? {} : bearer(token) })

const overGrpc = (address: string): Watch => async function * (asked, token) {
  const client = new Client(address, credentials.createInsecure())
  const metadata = Metadata.fromHttp2Headers(token === undefined ? {} : bearer(token))
  const bytes = Buffer.from(toBinary(WatchEventsRequestSchema, create(WatchEventsRequestSchema, asked)))
  try {
    const [asIs, eventIn] = [(sent: Buffer) => sent, (got: Buffer) => fromBinary(EventSchema, got)]
    const call = client.makeServerStreamRequest(PATH_OF_WATCH, asIs, eventIn, bytes, metadata)
    yield * call
  } finally {
    client.close()
  }
}

async function start (t: Test) {
  const gateway = await startGateway(t, undefined, { ...withTokens(t), ECTX_GRPC_PORT: '0' })
  const at = { host: '127.0.0.1', port: 0 }
  const baseUrl = await gateway.app.listen(at)
  const watches: Record<string, Watch> = {
    'Connect with JSON': overConnect(createConnectTransport({ baseUrl })),
    'Connect with binary messages': overConnect(createConnectTransport({ baseUrl, useBinaryFormat: true })),
    'gRPC-Web': overConnect(createGrpcWebTransport({ baseUrl })),
    gRPC: overGrpc(await gateway.grpc!.listen(at))
  }
  const make = async (name: string) =>
    (await post(gateway.app, contextBody({ metadata: { name } }), `${PATH}?run_token=true`, bearer(OPERATOR))).json()
  const remove = (id: string) => gateway.app.inject({ method: 'DELETE', url: `${PATH}/${id}`, headers: bearer(OPERATOR) })
  const ask = async (url: string) => (await gateway.app.inject({ url, headers: bearer(OPERATOR) })).json()
  const watched = async () => (await ask('/v1/audit-events')).events.filter(({ operation }: { operation: string }) => operation === 'watch').length
  return { ...gateway, watches, make, remove, watched }
}

/** By the number that both protocols have. */
const codeOf = (error: unknown): number => error instanceof ConnectError ? error.code : (error as ServiceError).code

const all = async (events: AsyncIterable<Event>) => {
  const found: Event[] = []
  for await (const event of events) found.push(event)
  return found
}

t.test('the events of a context come until it is gone, to who may see it', async t => {
  const { watches, make, remove, watched } = await start(t)
  let begun = 0
  for (const [protocol, watch] of Object.entries(watches)) {
    const { metadata: { id, slug, version }, status: { run_token: runToken } } = await make(`of ${protocol.toLowerCase().replaceAll(' ', '-')}`)
    const watching = watch({ id }, runToken)[Symbol.asyncIterator]()
    const first = watching.next()
    const before = begun++
    await until(async () => await watched() > before * 2)
    await remove(id)
    const { value: event } = await first
    t.match(event, {
      type: 'deleted',
      kind: 'execution_context',
      id,
      slug,
      executionId: 'wfx-1',
      caller: { name: 'runner', kind: 'token' },
      version: { id: version.id }
    }, protocol)
    t.same((await watching.next()).done, true, `${protocol}: and no more`)
    t.same((await all(watch({ id, after: '0000000000000000' }, OPERATOR))).map(({ type }) => type), ['created', 'deleted'], `${protocol}: again`)
  }
})

t.test('what cannot be watched is refused, as everything is', async t => {
  const { watches, make } = await start(t)
  const [{ metadata: { id } }, other] = [await make('one'), await make('two')]
  for (const [protocol, watch] of Object.entries(watches)) {
    const cases: ReadonlyArray<[Asked, string | undefined, number]> = [
      [{}, undefined, status.UNAUTHENTICATED],
      [{}, other.status.run_token, status.PERMISSION_DENIED],
      [{ id }, other.status.run_token, status.PERMISSION_DENIED],
      [{ id: 'exec-none' }, OPERATOR, status.NOT_FOUND],
      [{ after: 'x' }, OPERATOR, status.INVALID_ARGUMENT],
      [{ types: ['made'] }, OPERATOR, status.INVALID_ARGUMENT]
    ]
    for (const [asked, token, expected] of cases) {
      t.equal(await all(watch(asked, token)).then(() => 0, codeOf), expected, `${protocol}: ${JSON.stringify(asked)}`)
    }
  }
})

t.test('a gateway that closes ends what is watched, and says that one may come again', async t => {
  const { watches, watched, close } = await start(t)
  const watching = Object.entries(watches)
    .map(([protocol, watch]) => [protocol, all(watch({}, OPERATOR)).then(() => undefined, codeOf)] as const)
  await until(async () => await watched() === watching.length)
  await close()
  for (const [protocol, code] of watching) t.equal(await code, Code.Unavailable, protocol)
})
