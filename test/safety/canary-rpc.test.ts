// What goes through by message is swept for as what goes through by REST is.
import { create, ScalarType, toBinary, type DescMessage } from '@bufbuild/protobuf'
import t, { type Test } from 'tap'
import { METHODS } from '../../src/rpc/methods.js'
import { OPERATIONS, overGrpc, RPC, type Call } from '../transports/clients.js'
import { bearer, OPERATOR, VIEWER } from '../support/callers.js'
import { newDataDir } from '../support/data-dir.js'
import { startProcess } from '../support/process.js'
import { ask, frame, openSession } from '../support/raw-grpc.js'
import { badBodies, HEADERS } from './asks.js'
import { Sweep } from './canaries.js'
import { assertSees, CONTROLS, leaksIn, SECRETS, withCredentials } from './canary-visit.js'

const [CREATE, APPLY, DELETE] = ['create', 'apply', 'delete'].map(name => `ExecutionContextCommandController/${name}`) as [string, string, string]
const GET = 'ExecutionContextQueryController/get'
const valuesOf = (values: typeof SECRETS, prefix: string, isSecret: boolean) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, { value, is_secret: isSecret }]))
const DATA = { ...valuesOf(CONTROLS, 'CONTROL_', false), ...valuesOf(SECRETS, 'SECRET_', true) }
const operator = { token: OPERATOR }

/** Does what shows secrets to whom may see them, and what shows none; answers a context that is left. */
async function live (t: Test, call: Call, sweep: Sweep, slug: string): Promise<string> {
  const context = { metadata: { slug }, spec: { execution_id: slug, data: DATA, lease: '3600s' } }
  const quietly = async (...asked: Parameters<Call>) => {
    const outcome = await call(...asked)
    t.same(sweep.find(JSON.stringify(outcome)), [], `${asked[0]} ${JSON.stringify(asked[2])?.slice(0, 40)}`)
    return outcome
  }
  const made = await call(CREATE, context, { ...operator, runToken: true, key: slug })
  t.match(made.message?.spec.data, { SECRET_PLAIN: { value: SECRETS.PLAIN } })
  const { metadata: { id }, status: { run_token: run } } = made.message!
  sweep.add('the run token', run.slice(-43))
  for (const token of [OPERATOR, run]) {
    t.match((await call(GET, { value: id }, { token })).message?.spec.data, { SECRET_LINES: { value: SECRETS.LINES } })
  }
  t.equal((await call('ExecutionContextQueries/getEnv', { id, format: 'shell' }, operator)).code, 'ok')
  for (const [token, view] of [[OPERATOR, 'redacted'], [VIEWER, undefined], [VIEWER, 'full'], [run, 'redacted']] as const) {
    await quietly(GET, { value: id }, { token, ...view && { view } })
    await quietly('ExecutionContextQueryController/getByReference', { slug }, { token, ...view && { view } })
  }
  t.equal((await quietly(APPLY, context, operator)).code, 'already_exists')
  const changed = structuredClone(context)
  changed.spec.data.SECRET_PLAIN!.value += '!'
  t.equal((await quietly(CREATE, changed, { ...operator, key: slug })).code, 'idempotency_key_reused')
  await quietly('ExecutionContextQueries/list', { execution_id: slug }, operator)
  await quietly('ExecutionContextQueries/getBatch', { ids: [id] }, { ...operator, view: 'redacted' })
  await quietly('ExecutionContextCommands/heartbeat', { value: id }, { token: run })
  const secrets = Object.fromEntries(Object.entries(context.spec.data).filter(([, { is_secret: isSecret }]) => isSecret))
  t.equal((await call('ExecutionContextCommands/rotate', { id, data: secrets }, operator)).code, 'ok')
  await quietly('AuditQueries/list', { context_id: id }, operator)
  await quietly('Events/list', { id }, operator)
  await quietly(DELETE, { resource_id: id }, { ...operator, view: 'redacted' })
  await call(APPLY, context, operator)
  t.equal((await quietly('ExecutionContextCommands/deleteByExecution', { execution_id: slug }, operator)).message?.deleted.length, 1)
  return (await call(CREATE, { ...context, metadata: { slug: `${slug}-left` } }, operator)).message!.metadata.id
}

/** Each message with `canary` where it may not be, as bytes. */
function * badMessages (canary: string): Generator<readonly [path: string, message: Uint8Array]> {
  const long = canary.repeat(Math.ceil(70_000 / canary.length))
  for (const { descriptor: { parent, name, input } } of METHODS) {
    const path = `/${parent.typeName}/${name}`
    yield [path, Buffer.from(canary)]
    yield [path, Buffer.concat([Buffer.from([0x0a, 0xff, 0x7f]), Buffer.from(canary)])]
    for (const [name, value] of Object.entries(deep(input, long))) yield [path, toBinary(input, create(input, { [name]: value }))]
  }
}

/** The fields of `message` with `text` in all its texts. */
function deep (message: DescMessage, text: string): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const field of message.fields) {
    if (field.fieldKind === 'scalar' && field.scalar === ScalarType.STRING) found[field.localName] = text
    if (field.fieldKind === 'map') found[field.localName] = { K: field.mapKind === 'message' ? deep(field.message, text) : text }
    if (field.fieldKind === 'message' && !field.message.typeName.startsWith('google.')) found[field.localName] = deep(field.message, text)
  }
  return found
}

t.test('a secret that went through by message is nowhere but in the answers that were asked for', async t => {
  const dataDir = newDataDir(t)
  const env = { ...withCredentials(t), ECTX_DATA_DIR: dataDir, ECTX_GRPC_PORT: '0', ECTX_LOG_LEVEL: 'trace' }
  const sweep = new Sweep({ ...SECRETS, 'the operator token': OPERATOR, 'the viewer token': VIEWER })
  const gateway = await startProcess(t, { env })
  const { call, close } = overGrpc(gateway.grpc)
  t.teardown(close)
  const calls = { ...Object.fromEntries(Object.entries(RPC).map(([name, make]) => [name, make(gateway.address)])), gRPC: call }
  let left = ''
  for (const [at, make] of Object.values(calls).entries()) left = await live(t, make, sweep, `live-${at}`)

  const leaks = new Set<string>()
  const look = (what: string, answer: unknown) => { for (const found of sweep.find(typeof answer === 'string' ? answer : JSON.stringify(answer))) leaks.add(`${what}: ${found}`) }
  const session = await openSession(t, gateway.grpc)
  const asked = async (what: string, ...call: Parameters<typeof ask>) => {
    const answer = await ask(...call)
    look(what, { ...answer, body: answer.body.toString('latin1'), details: Buffer.from(String(answer.trailers['grpc-status-details-bin'] ?? ''), 'base64').toString('latin1') })
    t.notMatch(answer.code, /^(?:internal|unknown)$/, what)
  }
  const post = async (path: string, headers: Record<string, string>, body: string | Buffer) => {
    const response = await fetch(gateway.address + path, { method: 'POST', headers: { ...bearer(OPERATOR), ...headers }, body })
    look(`Connect ${path}`, `${JSON.stringify([...response.headers])} ${await response.text()}`)
  }
  const [path] = [METHODS[0]!].map(({ descriptor: { parent, name } }) => `/${parent.typeName}/${name}`) as [string]
  for (const canary of Object.values(SECRETS)) {
    for (const [body, headers = { 'content-type': 'application/json' }] of badBodies(canary)) await post(path, { ...headers }, body)
    for (const [path, message] of badMessages(canary)) {
      await asked(`gRPC ${path}`, session, path, bearer(OPERATOR), frame(message))
      await post(path, { 'content-type': 'application/proto' }, Buffer.from(message))
      await post(path, { 'content-type': 'application/grpc-web+proto' }, frame(message))
    }
    // In quotes, since a request id that is well-formed is logged.
    const inHeader = `"${canary.slice(0, 500).replaceAll(/[^ -~]/g, ' ')}"`
    for (const name of [...HEADERS, 'ectx-view', 'ectx-run-token', 'ectx-shred', 'grpc-timeout', 'grpc-encoding', 'grpc-accept-encoding', 'content-type', 'x-anything-bin']) {
      await asked(`gRPC ${name}`, session, path, { ...bearer(OPERATOR), [name]: inHeader })
    }
    const token = canary.slice(0, 2_000).replaceAll(/[^A-Za-z0-9._~+/-]/g, '')
    for (const authorization of [token, `Bearer ${token}`, `Basic ${token}`, inHeader, `Bearer ${token}.${token}.${token}`, `Bearer ectx_run_${left}_${token.slice(0, 43)}`]) {
      await asked('gRPC authorization', session, path, { authorization })
    }
    for (const unknown of [`/${encodeURIComponent(canary.slice(0, 500))}`, `${path}/${token}`, `${path}?x=${token}`]) await asked('gRPC path', session, unknown, bearer(OPERATOR))
  }
  t.same([...leaks], [], 'no answer')
  t.equal((await call(GET, { value: left }, operator)).code, 'ok', 'and what was kept is there')

  const { stderr } = await gateway.kill()
  t.same(sweep.find(gateway.lines.map(line => JSON.stringify(line)).join('\n')), [], 'no log line')
  t.equal(stderr, '')
  t.same(leaksIn(dataDir, sweep), [], 'nothing that is kept')
  assertSees(t, dataDir, name => name.startsWith('db/') && name.endsWith('.log'))
  for (const operation of OPERATIONS) t.ok(gateway.lines.some(line => line.operation === operation && line.code === 'ok'), operation)
})
