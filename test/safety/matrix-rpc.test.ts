// Whoever calls, each operation comes to the same by message as by REST, of which matrix.test.ts says what it is.
import { create, fromJson, toBinary, type JsonValue } from '@bufbuild/protobuf'
import t from 'tap'
import { METHODS } from '../../src/rpc/methods.js'
import { nearAddress } from '../support/addresses.js'
import { bearer, OPERATOR } from '../support/callers.js'
import { contextBody, PATH, post, startGateway } from '../support/gateway.js'
import { ask, frame, openSession } from '../support/raw-grpc.js'
import { CALLERS, closed, type Run } from './callers.js'

type Json = Record<string, JsonValue>
type Deed = readonly [operation: string, input: Json, rest: readonly [method: 'GET' | 'POST' | 'DELETE', url: string, body?: object], view?: string]

let made = 0
const newContext = (slug = `new-${++made}`) => ({ metadata: { slug }, spec: { execution_id: 'wfx-1', lease: '3600s', data: { TOKEN: { value: 's3cr3t', is_secret: true } } } })

/** Everything that can be done, on the caller's own context and on another. */
function deeds (own: Run, other: Run): Deed[] {
  const [created, applied] = [newContext(), newContext()]
  const all: Deed[] = [
    ['ExecutionContextCommandController/create', created, ['POST', PATH, { ...created, metadata: { slug: `${created.metadata.slug}-r` } }]],
    ['ExecutionContextCommandController/create', newContext(own.slug), ['POST', PATH, newContext(own.slug)]],
    ['ExecutionContextCommandController/apply', applied, ['POST', `${PATH}/apply`, { ...applied, metadata: { slug: `${applied.metadata.slug}-r` } }]],
    ['ExecutionContextQueries/list', {}, ['GET', PATH]],
    ['ExecutionContextQueries/getBatch', { ids: [own.id] }, ['POST', `${PATH}/batch-get`, { ids: [own.id] }]],
    ['AuditQueries/list', {}, ['GET', '/v1/audit-events']],
    ['Events/list', {}, ['GET', '/v1/events?wait=0s']]
  ]
  for (const { id, slug } of [own, other, { id: 'exec-01k6z3v9c8m2n4p6q8r0s1t2v3', slug: 'nobody' }]) {
    all.push(['Events/list', { id }, ['GET', `${PATH}/${id}/events?wait=0s`]])
    for (const view of [undefined, 'full', 'redacted']) {
      const asked = view === undefined ? '' : `view=${view}`
      all.push(['ExecutionContextQueryController/get', { value: id }, ['GET', `${PATH}/${id}?${asked}`], view])
      all.push(['ExecutionContextQueryController/getByReference', { slug }, ['GET', `${PATH}/by-reference?slug=${slug}&${asked}`], view])
    }
    all.push(['ExecutionContextCommands/heartbeat', { value: id }, ['POST', `${PATH}/${id}/heartbeat`]])
    const data = { TOKEN: { value: 's3cr3t-2' } }
    all.push(['ExecutionContextCommands/rotate', { id, data }, ['POST', `${PATH}/${id}/rotate`, { data }]])
    all.push(['ExecutionContextQueries/getEnv', { id }, ['GET', `${PATH}/${id}/env`]])
  }
  return all
}

/** What ends contexts, so that each transport needs its own. */
const endings = (own: Run, other: Run): Deed[] => [
  ['ExecutionContextCommandController/delete', { resource_id: other.id }, ['DELETE', `${PATH}/${other.id}`]],
  ['ExecutionContextCommandController/delete', { resource_id: own.id }, ['DELETE', `${PATH}/${own.id}`]],
  ['ExecutionContextCommands/deleteByExecution', { execution_id: 'wfx-1' }, ['DELETE', '/v1/executions/wfx-1/execution-contexts']]
]

const methodOf = (operation: string) => METHODS.map(({ descriptor }) => descriptor).find(({ parent, name }) => `${parent.name}/${name}` === operation)!

for (const [caller, call] of Object.entries(CALLERS)) {
  const isOpen = caller.startsWith('open')
  // Over a socket it would be near.
  if (isOpen && caller.includes('another address')) continue
  t.test(caller, async t => {
    const { app, grpc, lines } = await startGateway(t, undefined, { ...isOpen ? {} : closed(t), ECTX_GRPC_PORT: '0' })
    const session = await openSession(t, await grpc!.listen({ host: '127.0.0.1', port: 0 }))
    const operator = isOpen ? {} : bearer(OPERATOR)
    const make = async (): Promise<Run> => {
      const body = contextBody({ metadata: { slug: `run-${++made}` }, spec: { ...contextBody().spec, lease: '3600s' } })
      const { metadata: { id, slug }, status: { run_token: token } } = (await post(app, body, `${PATH}?run_token=true`, operator)).json()
      return { id, slug, token }
    }
    const begin = async () => {
      const [own, other] = [await make(), await make()]
      if (caller === 'run token of a deleted context') await app.inject({ method: 'DELETE', url: `${PATH}/${own.id}`, headers: operator })
      return { own, other, ...call(own, other) }
    }
    type Called = Awaited<ReturnType<typeof begin>>
    const overRest = async ({ headers, remoteAddress }: Called, [, , [method, url, payload]]: Deed) => {
      const response = await app.inject({ method, url, headers, payload, remoteAddress: remoteAddress ?? nearAddress() })
      return response.statusCode < 400 ? 'ok' : response.json().code
    }
    const overConnect = async ({ headers, remoteAddress }: Called, [operation, input, , view]: Deed) => {
      const { parent, name } = methodOf(operation)
      const response = await app.inject({
        method: 'POST',
        url: `/${parent.typeName}/${name}`,
        headers: { ...headers, ...view && { 'ectx-view': view }, 'content-type': 'application/json' },
        payload: JSON.stringify(input),
        remoteAddress: remoteAddress ?? nearAddress()
      })
      return response.statusCode < 400 ? 'ok' : response.json().code
    }
    const overGrpc = async ({ headers: { host, ...headers } = {} }: Called, [operation, input, , view]: Deed) => {
      const { parent, name, input: schema } = methodOf(operation)
      const message = create(schema, fromJson(schema, input))
      const more = { ...host && { ':authority': host }, ...view && { 'ectx-view': view } }
      return (await ask(session, `/${parent.typeName}/${name}`, { ...headers, ...more }, frame(toBinary(schema, message)))).code
    }

    const stage = await begin()
    for (const deed of deeds(stage.own, stage.other)) {
      const expected = await overRest(stage, deed)
      const what = `${deed[0]} ${JSON.stringify(deed[1]).slice(0, 60)} ${deed[3] ?? ''}`
      t.equal(await overGrpc(stage, deed), expected, `gRPC: ${what}`)
      if (deed[0].endsWith('/create') || deed[0].endsWith('/apply')) continue
      t.equal(await overConnect(stage, deed), expected, `Connect: ${what}`)
    }
    const stages = [await begin(), await begin(), await begin()] as const
    const ends = stages.map(({ own, other }) => endings(own, other))
    for (const [at, deed] of ends[0]!.entries()) {
      const expected = await overRest(stages[0], deed)
      t.equal(await overGrpc(stages[1], ends[1]![at]!), expected, `gRPC: ${deed[0]}`)
      t.equal(await overConnect(stages[2], ends[2]![at]!), expected, `Connect: ${deed[0]}`)
    }
    t.same(lines.filter(({ level }) => level === 'error'), [])
  })
}
