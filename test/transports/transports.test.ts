// One table of calls over each transport: the same comes of them, and the same is on record. A new operation fails it until every
// transport has it.
import fc from 'fast-check'
import pino from 'pino'
import t, { type Test } from 'tap'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { Hub } from '../../src/events/hub.js'
import { createOperations } from '../../src/kinds/operations.js'
import { createObserver } from '../../src/telemetry/observer.js'
import { bearer, OPERATOR, VIEWER, withTokens } from '../support/callers.js'
import { testDependencies } from '../support/dependencies.js'
import { startGateway } from '../support/gateway.js'
import { OPERATIONS, overGrpc, overRest, RPC, type Call, type Outcome } from './clients.js'

const CREATE = 'ExecutionContextCommandController/create'
const APPLY = 'ExecutionContextCommandController/apply'
const DELETE = 'ExecutionContextCommandController/delete'
const GET = 'ExecutionContextQueryController/get'
const BY_REFERENCE = 'ExecutionContextQueryController/getByReference'
const HEARTBEAT = 'ExecutionContextCommands/heartbeat'
const ROTATE = 'ExecutionContextCommands/rotate'
const DELETE_ALL = 'ExecutionContextCommands/deleteByExecution'
const LIST = 'ExecutionContextQueries/list'
const BATCH = 'ExecutionContextQueries/getBatch'
const ENV = 'ExecutionContextQueries/getEnv'
const AUDIT = 'AuditQueries/list'
const EVENTS = 'Events/list'
const operator = { token: OPERATOR }
const viewer = { token: VIEWER }

const context = (name: string, spec: object = {}, metadata: object = {}) => ({
  metadata: { name, labels: { team: 'data' }, ...metadata },
  spec: { execution_id: 'wfx-1', data: { REGION: { value: 'eu' }, TOKEN: { value: 's3cr3t', is_secret: true } }, ...spec }
})

/** Makes every call of the table, in order; what each came to, by what it is. */
async function callAll (call: Call): Promise<ReadonlyArray<readonly [title: string, outcome: Outcome]>> {
  const outcomes: Array<readonly [string, Outcome]> = []
  const ask = async (title: string, ...asked: Parameters<Call>) => {
    const outcome = await call(...asked)
    outcomes.push([title, outcome])
    return outcome.message!
  }
  const { next: begin } = await ask('where events end', EVENTS, {}, operator)
  const made = await ask('create', CREATE, context('one', { lease: '60s' }), { ...operator, runToken: true })
  const { id } = made.metadata
  const run = { token: made.status.run_token }
  await ask('create, redacted', CREATE, context('two'), { ...operator, view: 'redacted' })
  await ask('the slug is taken', CREATE, context('one'), operator)
  await ask('apply to what exists', APPLY, context('one'), operator)
  await ask('apply', APPLY, context('three', { execution_id: 'wfx-2' }), operator)
  await ask('many mistakes', CREATE, context('x', { execution_id: '', data: { 'A B': { value: 'x' } } }, { owner_scope: 'platform' }), operator)
  await ask('no spec', CREATE, { metadata: { name: 'x' } }, operator)
  await ask('a create with a key', CREATE, context('four'), { ...operator, key: 'k1' })
  await ask('and again', CREATE, context('four'), { ...operator, key: 'k1' })
  await ask('and another with that key', CREATE, context('five'), { ...operator, key: 'k1' })
  await ask('an odd key', CREATE, context('five'), { ...operator, key: 'a b' })
  await ask('a viewer creates', CREATE, context('six'), viewer)
  await ask('nobody creates', CREATE, context('six'))
  await ask('somebody with a wrong token creates', CREATE, context('six'), { token: `ectx_${'x'.repeat(43)}` })
  for (const [who, caller] of Object.entries({ operator, viewer, run })) {
    await ask(`${who} gets`, GET, { value: id }, caller)
    await ask(`${who} gets it redacted`, GET, { value: id }, { ...caller, view: 'redacted' })
    await ask(`${who} gets all of it`, GET, { value: id }, { ...caller, view: 'full' })
    await ask(`${who} gets by reference`, BY_REFERENCE, { slug: 'one' }, caller)
    await ask(`${who} gets another`, BY_REFERENCE, { slug: 'two' }, caller)
    await ask(`${who} lists`, LIST, { execution_id: 'wfx-1', labels: [{ name: 'team', value: 'data' }] }, caller)
    await ask(`${who} takes the environment`, ENV, { id, format: 'shell' }, caller)
    await ask(`${who} sends a heartbeat`, HEARTBEAT, { value: id }, caller)
    await ask(`${who} gets many`, BATCH, { ids: [id, 'exec-none'] }, caller)
    await ask(`${who} lists events`, EVENTS, { after: begin }, caller)
    await ask(`${who} lists its events`, EVENTS, { id, after: begin, types: ['created', 'deleted'], wait: '1s' }, caller)
    await ask(`${who} reads the audit log`, AUDIT, { context_id: 'exec-none' }, caller)
  }
  await ask('an odd view', GET, { value: id }, { ...operator, view: 'odd' })
  await ask('what is not there', GET, { value: 'exec-none' }, operator)
  await ask('an odd slug', BY_REFERENCE, { slug: 'A B' }, operator)
  const rotation = { id, data: { TOKEN: { value: 's3cr3t-2' } }, version_message: 'Why', grace: '60s' }
  const { metadata: { version } } = await ask('a rotation', ROTATE, rotation, { ...operator, key: 'r1' })
  await ask('that rotation again', ROTATE, rotation, { ...operator, key: 'r1' })
  await ask('and another rotation with that key', ROTATE, { ...rotation, grace: '0s' }, { ...operator, key: 'r1' })
  await ask('many mistakes in a rotation', ROTATE, { id, data: { NONE: { value: 'x' }, REGION: { value: 'x' }, TOKEN: { value: 'x', is_secret: false } } }, operator)
  await ask('a rotation of nothing', ROTATE, { id, data: {} }, operator)
  await ask('a rotation of what is not there', ROTATE, { ...rotation, id: 'exec-none' }, operator)
  await ask('a viewer rotates', ROTATE, rotation, viewer)
  await ask('a run rotates', ROTATE, rotation, run)
  await ask('a version before', GET, { value: id, version: version.previous_version_id }, run)
  await ask('the environment of a version before', ENV, { id, version: version.previous_version_id }, run)
  await ask('a version that is not there', GET, { value: id, version: 'ver-none' }, operator)
  await ask('an odd version', GET, { value: id, version: 'a b' }, operator)
  await ask('a page', LIST, { page_size: 2 }, operator)
  await ask('events after an odd position', EVENTS, { after: 'x' }, operator)
  await ask('odd events', EVENTS, { types: ['made'] }, operator)
  await ask('events of what is not there', EVENTS, { id: 'exec-none' }, operator)
  await ask('an odd page', LIST, { page_token: 'x' }, operator)
  await ask('a part of the environment', ENV, { id, prefix: 'REG' }, operator)
  await ask('a run deletes its own', DELETE, { resource_id: id, version_message: 'done' }, run)
  await ask('which is gone then', GET, { value: id }, operator)
  await ask('and is deleted once', DELETE, { resource_id: id }, operator)
  const { metadata: shredded } = await ask('another', CREATE, context('seven', { execution_id: 'wfx-3' }), operator)
  await ask('one more', CREATE, context('eight', { execution_id: 'wfx-3' }), operator)
  await ask('a viewer shreds', DELETE, { resource_id: shredded.id }, { ...viewer, shred: true })
  await ask('an operator shreds', DELETE, { resource_id: shredded.id }, { ...operator, shred: true })
  await ask('an operator shreds all', DELETE_ALL, { execution_id: 'wfx-3' }, { ...operator, shred: true })
  await ask('a viewer deletes all', DELETE_ALL, { execution_id: 'wfx-1' }, viewer)
  await ask('an operator deletes all', DELETE_ALL, { execution_id: 'wfx-1' }, operator)
  await ask('all events', EVENTS, { after: begin }, operator)
  await ask('the audit log', AUDIT, { page_size: 1000 }, operator)
  return outcomes
}

/** What differs from gateway to gateway stands for itself. */
function plain (outcomes: Awaited<ReturnType<typeof callAll>>) {
  const ids = new Map<string, string>()
  const text = JSON.stringify(outcomes)
    .replaceAll(/ectx_run_exec-\w{26}_[\w-]{43}/g, 'a run token')
    .replaceAll(/(?:exec|ver)-[0-9a-z]{26}/g, id => ids.get(id) ?? ids.set(id, `context ${ids.size}`).get(id)!)
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'a time')
    .replaceAll(/"previous":"[0-9a-f]{64}"/g, '"previous":"a hash"')
    .replaceAll(/"request_id":"[\w-]{36}"/g, '"request_id":"an id"')
    .replaceAll(/"next_page_token":"[^"]+"/g, '"next_page_token":"a token"')
  return new Map<string, any>(JSON.parse(text))
}

async function start (t: Test, call: (address: string, grpc: string) => Call) {
  const { app, grpc, lines } = await startGateway(t, undefined, { ...withTokens(t), ECTX_GRPC_PORT: '0' })
  const at = { host: '127.0.0.1', port: 0 }
  const outcomes = plain(await callAll(call(await app.listen(at), await grpc!.listen(at))))
  t.notMatch(JSON.stringify(lines), /s3cr3t/, 'no secret is in the log')
  t.same(lines.filter(({ level }) => level === 'error'), [])
  return outcomes
}

const called = new Set<string>()
const expected = await start(t, address => {
  const call = overRest(address)
  return (operation, ...more) => {
    called.add(operation)
    return call(operation, ...more)
  }
})

t.test('every operation there is can be called by a message, and is in the table', async t => {
  const operations = createOperations({ ...testDependencies(), hub: new Hub(new MemoryStore().feed) }, createObserver(pino({ level: 'silent' })), 60_000)
  // The one that streams is in watch.test.ts.
  t.equal(OPERATIONS.length + 1, Object.values(operations).flatMap(kind => Object.keys(kind)).length)
  t.same([...called].sort(), [...OPERATIONS].sort())
})

t.test('REST, which the others are held to, does what the table says', async t => {
  const codes = new Set([...expected.values()].map(({ code }) => code))
  for (const code of ['ok', 'invalid_argument', 'unauthenticated', 'permission_denied', 'not_found', 'already_exists', 'idempotency_key_reused']) {
    t.ok(codes.has(code), code)
  }
  t.match(expected.get('operator takes the environment'), { code: 'ok', message: { content: /TOKEN='?s3cr3t/ } })
  t.ok(expected.get('the audit log').message.events.length > 20)
  t.equal(expected.get('the audit log').message.events.filter(({ shredded }: { shredded?: boolean }) => shredded).length, 2)
  t.equal(expected.get('the audit log').message.verified, true)
  t.match(expected.get('a version before'), { code: 'ok', message: { spec: { data: { TOKEN: { value: 's3cr3t' } } } } })
})

const TRANSPORTS: Readonly<Record<string, (t: Test) => (address: string, grpc: string) => Call>> = {
  ...Object.fromEntries(Object.entries(RPC).map(([name, call]) => [name, () => call])),
  gRPC: t => (_, grpc) => {
    const { call, close } = overGrpc(grpc)
    t.teardown(close)
    return call
  }
}

for (const [name, call] of Object.entries(TRANSPORTS)) {
  t.test(name, async t => {
    for (const [title, outcome] of await start(t, call(t))) {
      const { fields, ...told } = expected.get(title)
      // What each calls a field is its own affair.
      t.same({ ...outcome, fields: outcome.fields?.length }, { ...told, fields: fields?.length }, title)
    }
  })
}

t.test('curl can do it, and is told of every field that is not known, by its place alone', async t => {
  const { app } = await startGateway(t, undefined, withTokens(t))
  const create = (body: object | string, headers = {}) => app.inject({
    method: 'POST',
    url: '/ai.stigmer.agentic.executioncontext.v1.ExecutionContextCommandController/create',
    headers: { ...bearer(OPERATOR), 'content-type': 'application/json', ...headers },
    payload: body
  })
  const created = await create(context('one'))
  t.equal(created.statusCode, 200)
  t.equal(created.headers['trailer-x-request-id'], created.headers['x-request-id'])
  t.match(created.json(), { metadata: { slug: 'one' }, spec: { data: { TOKEN: { value: 's3cr3t', is_secret: true } } } })

  const misspelt = await create(context('two', { data: { A: { value: 's3cr3t', is_secert: true } } }, { nmae: 's3cr3t' }))
  t.equal(misspelt.statusCode, 400)
  t.same(misspelt.json().details[2].debug.field_violations.map(({ field }: { field: string }) => field), ['metadata.nmae', 'spec.data.A.is_secert'])
  const wrong = [
    context('x', { data: { A: { value: 7 } } }), context('x', { data: ['s3cr3t'] }), context('x', { ttl: 's3cr3t' }), '"s3cr3t"', '{"spec":"s3cr3t"}',
    '{"a":"s3cr3t"'
  ]
  for (const body of wrong) {
    const response = await create(body)
    t.equal(response.statusCode, 400)
    t.match(response.json(), { code: 'invalid_argument' })
    t.notMatch(response.payload, /s3cr3t/)
  }
  t.equal((await create('{}', { 'content-type': 'text/plain' })).statusCode, 415)
  t.equal((await create('{}', { 'connect-timeout-ms': 'soon' })).statusCode, 400)
  t.match(await create(context('late'), { 'connect-timeout-ms': '0' }), { statusCode: 504 })
})

t.test('callers share their limit over all transports', async t => {
  const { app } = await startGateway(t, undefined, { ...withTokens(t), ECTX_RATE_LIMIT: '2' })
  const headers = { ...bearer(OPERATOR), 'content-type': 'application/json' }
  const rpc = () => app.inject({ method: 'POST', url: '/ectx.v1.ExecutionContextQueries/list', headers, payload: '{}' })
  const rest = () => app.inject({ url: '/v1/execution-contexts', headers: bearer(OPERATOR) })
  t.equal((await rpc()).statusCode, 200)
  t.equal((await rest()).statusCode, 200)
  const refused = await rpc()
  t.equal(refused.statusCode, 429)
  t.match(refused.json(), { code: 'resource_exhausted' })
  t.match(refused.headers['retry-after'], /^([1-9]|[1-5]\d|60)$/)
  t.equal((await rest()).statusCode, 429)
})

t.test('garbage is refused, whatever it is called, and is no fault of the gateway', async t => {
  const { app, lines } = await startGateway(t, undefined, withTokens(t))
  const types = ['json', 'proto', 'grpc-web', 'grpc-web+proto', 'connect+proto', 'grpc'].map(type => `application/${type}`)
  const url = '/ai.stigmer.agentic.executioncontext.v1.ExecutionContextCommandController/create'
  const body = fc.uint8Array({ maxLength: 64 })
  await fc.assert(fc.asyncProperty(fc.constantFrom(...types), body, fc.boolean(), async (type, bytes, isFramed) => {
    const frame = Buffer.alloc(5)
    frame.writeUInt32BE(bytes.length, 1)
    const payload = isFramed ? Buffer.concat([frame, bytes]) : Buffer.from(bytes)
    const { statusCode, headers, payload: answer } = await app.inject({
      method: 'POST', url, headers: { ...bearer(OPERATOR), 'content-type': type }, payload
    })
    t.ok(statusCode < 500, `${type} ${payload.toString('hex')}: ${statusCode} ${answer}`)
    t.notMatch(`${headers['grpc-status']} ${answer}`, /grpc-status: ?(?:2|13)\b|^(?:2|13) /, `${type} ${payload.toString('hex')}`)
  }), { numRuns: 500, seed: 13 })
  for (const query of ['', '?encoding=json&message={', '?encoding=proto&base64=1&message=*', '?encoding=json&message={}&message={', '?encoding=proto&message=%ff']) {
    const { statusCode, payload } = await app.inject({ url: `/ectx.v1.ExecutionContextQueries/list${query}`, headers: bearer(OPERATOR) })
    t.ok(statusCode < 500, `${query}: ${statusCode} ${payload}`)
  }
  t.same(lines.filter(({ level }) => level === 'error'), [])
})
