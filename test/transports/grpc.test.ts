// What is gRPC's own: what stands before a call, what bounds it, and how it ends. What calls come to is in transports.test.ts.
import { create, toBinary } from '@bufbuild/protobuf'
import { X509Certificate } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, constants } from 'node:http2'
import { connect as tlsConnect, type TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ExecutionContextSchema } from '../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { REFLECTION_PATHS } from '../../src/rpc/grpc/reflection.js'
import { LIMITS, type Limits } from '../../src/server/listener.js'
import { MemoryStore } from '../../src/engines/memory/memory-store.js'
import { auditEvents } from '../support/audit-events.js'
import { bearer, OPERATOR, withTokens } from '../support/callers.js'
import { createCertificate, createRoot } from '../support/certificates.js'
import { startGateway, type LoggedStore } from '../support/gateway.js'
import { ask, CREATE, frame, GET, LIST, openSession } from '../support/raw-grpc.js'
import { until } from '../support/until.js'

const HEALTH = '/grpc.health.v1.Health'
const operator = bearer(OPERATOR)
const UNHURRIED = { ...LIMITS, loopDelay: Infinity }

async function start (t: Test, env: Record<string, string> = withTokens(t), limits: Partial<Limits> = {}, store?: LoggedStore) {
  const gateway = await startGateway(t, store, { ...env, ECTX_GRPC_PORT: '0' }, { ...UNHURRIED, ...limits })
  const address = await gateway.grpc!.listen({ host: '127.0.0.1', port: 0 })
  return { ...gateway, address, session: await openSession(t, address) }
}

const context = (name: string, value = 's3cr3t') => toBinary(ExecutionContextSchema, create(ExecutionContextSchema, {
  metadata: { name }, spec: { executionId: 'wfx-1', data: { TOKEN: { value, isSecret: true } } }
}))

t.test('a call is refused in one form, whatever is wrong with it, and none of it is told', async t => {
  const { session, lines } = await start(t)
  const message = context('one')
  const cases: ReadonlyArray<[what: string, code: string, path: string, headers: object, body?: Uint8Array, isOpen?: boolean]> = [
    ['nobody', 'unauthenticated', CREATE, {}],
    ['nobody, who would go on', 'unauthenticated', CREATE, {}, frame(message).subarray(0, 20), true],
    ['no such method', 'unimplemented', '/ectx.v1.ExecutionContextQueries/s3cr3t', operator],
    ['no such service', 'unimplemented', '/s3cr3t', operator],
    ['no message of that type', 'invalid_argument', CREATE, operator, frame(Buffer.from('s3cr3t'))],
    ['no message', 'invalid_argument', CREATE, operator, Buffer.alloc(0)],
    ['half a message', 'invalid_argument', CREATE, operator, frame(message).subarray(0, 20)],
    ['half a head', 'invalid_argument', CREATE, operator, Buffer.alloc(3)],
    ['two messages', 'invalid_argument', CREATE, operator, Buffer.concat([frame(message), frame(message)])],
    ['a message that is too large', 'resource_exhausted', CREATE, operator, frame(Buffer.alloc(4 * 1024 * 1024 + 1))],
    ['one that says so', 'resource_exhausted', CREATE, operator, Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), true],
    ['what is not compressed', 'invalid_argument', CREATE, { ...operator, 'grpc-encoding': 'gzip' }, frame(Buffer.from('s3cr3t'), true)],
    ['what is compressed and too large', 'resource_exhausted', CREATE, { ...operator, 'grpc-encoding': 'gzip' }, frame(gzipSync(Buffer.alloc(5e6)), true)],
    ['what says that it is compressed', 'invalid_argument', CREATE, operator, frame(message, true)],
    ['a message and a byte', 'invalid_argument', CREATE, operator, Buffer.concat([frame(message), Buffer.alloc(1)])],
    ['an unknown compression', 'unimplemented', CREATE, { ...operator, 'grpc-encoding': 's3cr3t' }],
    ['an odd deadline', 'invalid_argument', CREATE, { ...operator, 'grpc-timeout': 's3cr3t' }],
    ['no time', 'deadline_exceeded', LIST, { ...operator, 'grpc-timeout': '0n' }],
    ['an odd view', 'invalid_argument', GET, { ...operator, 'ectx-view': 's3cr3t' }],
    ['an odd key', 'invalid_argument', CREATE, { ...operator, 'idempotency-key': 's3cr3t s3cr3t' }],
    ['no gRPC', 'invalid_argument', CREATE, { ...operator, 'content-type': 'application/json' }, Buffer.from('{}')],
    ['a GET', 'invalid_argument', CREATE, { ...operator, ':method': 'PUT' }]
  ]
  for (const [what, code, path, headers, body, isOpen] of cases) {
    const answer = await ask(session, path, { ...headers, 'x-request-id': 'id-1' }, body, isOpen)
    t.equal(answer.code, code, `${what}: ${answer.message}`)
    t.notMatch(JSON.stringify([answer, Buffer.from(String(answer.trailers['grpc-status-details-bin']), 'base64').toString('latin1')]), /s3cr3t/, what)
    t.match(answer.trailers, { 'x-request-id': 'id-1', 'grpc-status-details-bin': /^C[\w+/]+/ }, what)
  }
  t.equal((await ask(session, CREATE, operator, frame(message))).code, 'ok', 'and the session goes on')
  t.same(lines.filter(({ level }) => level === 'error'), [])
  t.notMatch(JSON.stringify(lines), /s3cr3t/)
  t.match(lines.filter(({ msg }) => msg === 'request').at(-1), {
    operation: 'ExecutionContextCommandController/create', route: CREATE, code: 'ok', duration_ms: Number, request_id: /^[\w-]{36}$/
  })
})

t.test('compressed messages and long deadlines are taken', async t => {
  const { session } = await start(t)
  for (const [headers, body] of [
    [{ 'grpc-encoding': 'gzip' }, frame(gzipSync(context('zipped')), true)],
    [{ 'grpc-encoding': 'gzip' }, frame(context('plain all the same'))],
    [{ 'grpc-timeout': '99999999H' }, frame(context('patient'))]
  ] as const) t.equal((await ask(session, CREATE, { ...operator, ...headers }, body)).code, 'ok')
})

t.test('its metadata is bounded as the headers of HTTP/1.1 are', async t => {
  const { session, address } = await start(t)
  t.equal((await ask(session, LIST, { ...operator, 'x-long': 'x'.repeat(8 * 1024) })).code, 'ok')
  t.equal((await ask(session, LIST, { ...operator, 'x-long': 'x'.repeat(32 * 1024) })).code, 'reset')
  t.equal((await ask(await openSession(t, address), LIST, operator)).code, 'ok')
})

t.test('without credentials it serves this machine, and who says so through no proxy', async t => {
  const { session, address } = await start(t, {})
  t.equal((await ask(session, LIST)).code, 'ok')
  for (const headers of [
    { ':authority': 'evil.test' }, { ':authority': address, host: 'evil.test' }, { 'x-forwarded-for': '127.0.0.1' }, { via: '2 proxy' },
    { origin: 'http://evil.test' }
  ]) t.equal((await ask(session, LIST, headers)).code, 'unauthenticated', JSON.stringify(headers))
})

t.test('localhost is every address that it has here', async t => {
  const { grpc } = await startGateway(t, undefined, { ECTX_GRPC_PORT: '0' }, UNHURRIED)
  const [, port] = (await grpc!.listen({ host: 'localhost', port: 0 })).split(':')
  for (const { address, family } of await lookup('localhost', { all: true })) {
    t.equal((await ask(await openSession(t, `${family === 6 ? `[${address}]` : address}:${port}`), LIST)).code, 'ok', address)
  }
})

t.test('callers share their limit with REST, and failures to say who calls are on record', async t => {
  const { session, app, dataDir } = await start(t, { ...withTokens(t), ECTX_RATE_LIMIT: '3' })
  const rest = (headers = operator) => app.inject({ url: '/v1/execution-contexts', headers })
  t.equal((await ask(session, LIST, operator)).code, 'ok')
  t.equal((await rest()).statusCode, 200)
  t.equal((await ask(session, LIST, operator)).code, 'ok')
  const refused = await ask(session, LIST, operator)
  t.match(refused, { code: 'resource_exhausted', trailers: { 'retry-after': /^\d+$/ } })
  t.equal((await rest()).statusCode, 429)
  t.equal((await ask(session, LIST, bearer(`${OPERATOR}x`))).code, 'unauthenticated')
  await until(() => auditEvents(dataDir).includes('authentication_failed'))
})

t.test('health needs no credentials, and is what /readyz says', async t => {
  let isReady = true
  const { session } = await start(t, withTokens(t), {}, new class extends MemoryStore {
    override async ready () { if (!isReady) throw new Error('not now') }
  }())
  const check = async (service = '') => {
    const { code, body } = await ask(session, `${HEALTH}/Check`, {}, frame(service === '' ? Buffer.alloc(0) : Buffer.from(`\x0a${String.fromCharCode(service.length)}${service}`)))
    return code === 'ok' ? ['unknown', 'serving', 'not serving'][body.at(-1)!] : code
  }
  t.equal(await check(), 'serving')
  t.equal(await check('ectx.v1.ExecutionContextQueries'), 'serving')
  t.equal(await check('s3cr3t'), 'not_found')
  isReady = false
  t.equal(await check(), 'not serving')
})

t.test('a watch is told of the end, and ends with it', async t => {
  const { session, close } = await start(t)
  const stream = session.request({ ':method': 'POST', ':path': `${HEALTH}/Watch`, 'content-type': 'application/grpc' })
  let trailers: Record<string, unknown> = {}
  const told: number[] = []
  stream.on('data', (chunk: Buffer) => told.push(...[chunk.at(-1)!])).on('trailers', found => { trailers = found })
  stream.end(frame(Buffer.alloc(0)))
  await until(() => told.length > 0)
  const ended = once(stream, 'close')
  await close()
  await ended
  t.same([told.at(0), told.at(-1)], [1, 2])
  t.match(trailers, { 'grpc-status': '14' })
})

t.test('a watch is told of changes alone, and of what is not known so; names are short, and streams not without number', async t => {
  let isReady = true
  const { session } = await start(t, withTokens(t), {}, new class extends MemoryStore {
    override async ready () { if (!isReady) throw new Error('not now') }
  }())
  const named = (name: string) => frame(Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]))
  const watch = (name: string) => {
    const told: number[] = []
    const stream = session.request({ ':method': 'POST', ':path': `${HEALTH}/Watch`, 'content-type': 'application/grpc' })
    stream.on('error', () => {}).on('data', (chunk: Buffer) => told.push(chunk.at(-1)!)).end(named(name))
    return { told, stream }
  }
  const known = watch('ectx.v1.ExecutionContextQueries')
  const unknown = watch('none')
  await until(() => known.told.length === 1 && unknown.told.length === 1)
  for (let turn = 0; turn < 5; turn++) t.equal((await ask(session, `${HEALTH}/Check`)).code, 'ok')
  isReady = false
  t.equal((await ask(session, `${HEALTH}/Check`)).code, 'ok')
  await until(() => known.told.length > 1)
  t.same([known.told, unknown.told], [[1, 2], [3]])
  for (const path of [`${HEALTH}/Watch`, `${HEALTH}/Check`]) {
    t.equal((await ask(session, path, {}, frame(Buffer.alloc(5_000)))).code, 'resource_exhausted')
  }
  // Of 512 one network has a quarter, and two are open.
  const address = `127.0.0.1:${session.socket.remotePort}`
  const others = await Promise.all([openSession(t, address), openSession(t, address)])
  const paths = { ':method': 'POST', ':path': `${HEALTH}/Watch`, 'content-type': 'application/grpc' }
  for (let count = 2; count < 128; count++) others[count % 2]!.request(paths).on('error', () => {}).end(named('none'))
  t.equal((await ask(session, `${HEALTH}/Watch`, {}, named('none'))).code, 'resource_exhausted')
  t.equal((await ask(session, LIST, operator)).code, 'ok')
})

t.test('reflection answers all that it is asked, in turn', async t => {
  const { session } = await start(t)
  const [path] = REFLECTION_PATHS
  const ask = frame(Buffer.from('\x22\x26ai.stigmer.agentic.executioncontext.v1'))
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' })
  let answers = 0
  stream.on('error', () => {}).on('data', () => { answers++ }).pause()
  for (let count = 0; count < 200; count++) stream.write(ask)
  await until(() => stream.readableLength > 0)
  stream.resume()
  await until(() => answers >= 200)
  stream.end()
  t.ok(answers >= 200)
})

t.test('many small messages may be compressed at once', async t => {
  const { session } = await start(t)
  const codes = await Promise.all(Array.from({ length: 80 }, async (_, index) =>
    (await ask(session, CREATE, { ...operator, 'grpc-encoding': 'gzip' }, frame(gzipSync(context(`zipped ${index}`)), true))).code))
  t.same(new Set(codes), new Set(['ok']))
})

t.test('who is too slow is let go', async t => {
  const { session } = await start(t, withTokens(t), { headersTimeout: 30, requestTimeout: 30, checkEvery: 10 })
  t.equal((await ask(session, CREATE, operator, frame(context('one')).subarray(0, 9), true)).code, 'deadline_exceeded')
})

t.test('thousands of calls that are given up leave nothing behind', async t => {
  const { address, lines } = await start(t)
  for (let round = 0; round < 20; round++) {
    const session = await openSession(t, address)
    await Promise.all(Array.from({ length: 500 }, async (_, index) => {
      if (session.destroyed) return
      const stream = session.request({ ':method': 'POST', ':path': CREATE, 'content-type': 'application/grpc', ...operator })
      stream.on('error', () => {})
      if (index % 3 === 0) stream.end(frame(context(`run ${round} ${index}`)))
      else stream.write(frame(context('x')).subarray(0, index % 7))
      if (index % 2 === 0) setImmediate(() => stream.close(constants.NGHTTP2_CANCEL))
      else stream.close(constants.NGHTTP2_CANCEL)
      await new Promise(resolve => stream.once('close', resolve))
    }))
    session.destroy()
  }
  const session = await openSession(t, address)
  t.equal((await ask(session, LIST, operator)).code, 'ok')
  t.same(lines.filter(({ level }) => level === 'error'), [])
})

t.test('who gives up call after call needs another session, and no call is done that it takes for refused', async t => {
  const { address, app } = await start(t)
  const session = await openSession(t, address)
  let goaway: number | undefined
  session.on('goaway', code => { goaway = code })
  const turn = () => new Promise(resolve => setImmediate(resolve))
  for (let call = 0; call < 1200 && !session.closed; call++) {
    const stream = session.request({ ':method': 'POST', ':path': CREATE, 'content-type': 'application/grpc', ...operator })
    stream.on('error', () => {}).end(frame(context(`given-up-${call}`)))
    setImmediate(() => stream.close(constants.NGHTTP2_CANCEL))
    if (call % 50 === 49) await turn()
  }
  const slugs = Array.from({ length: 20 }, (_, index) => `wanted-${index}`)
  const codes = await Promise.all(slugs.map(async slug => session.closed ? 'reset' : (await ask(session, CREATE, operator, frame(context(slug)))).code))
  t.equal(goaway, constants.NGHTTP2_NO_ERROR)
  const found = await Promise.all(slugs.map(async slug => (await app.inject({ url: `/v1/execution-contexts/by-reference?slug=${slug}`, headers: operator })).statusCode))
  t.same(found, codes.map(code => code === 'ok' ? 200 : 404))
  t.equal((await ask(await openSession(t, address), CREATE, operator, frame(context('on another')))).code, 'ok')
})

t.test('pings without end are too many', async t => {
  const { session } = await start(t)
  const ping = () => new Promise<void>(resolve => session.ping(() => resolve()))
  let code: number | undefined
  session.on('goaway', found => { code = found })
  for (let turn = 0; turn < 90; turn++) await ping()
  t.equal((await ask(session, LIST, operator)).code, 'ok')
  for (let turn = 0; turn < 90; turn++) await ping()
  t.equal(code, undefined, 'not where calls are between them')
  while (!session.destroyed) await ping()
  t.equal(code, constants.NGHTTP2_ENHANCE_YOUR_CALM)
})

t.test('whatever is sent, it is no fault of the gateway', async t => {
  const { session, lines } = await start(t)
  const whole = context('fuzzed')
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.tuple(fc.nat(), fc.nat(), fc.uint8Array({ maxLength: 4 })).map(([from, less, more]) =>
      Buffer.concat([whole.subarray(0, from % whole.length), more, whole.subarray(from % whole.length + less % 8)]))
  )
  const messages = fc.array(message, { maxLength: 3 })
  const body = fc.tuple(messages, fc.boolean(), fc.option(fc.nat(), { nil: undefined }), fc.uint8Array({ maxLength: 6 }))
    .map(([messages, isCompressed, cut, more]) =>
      Buffer.concat([...messages.map(bytes => frame(bytes, isCompressed)), more]).subarray(0, cut))
  const value = fc.oneof(fc.stringMatching(/^[!-~]{1,20}$/), fc.constantFrom('gzip', 'identity', 'deflate', '1S', '100m', '99999999H', 'full', 'true'))
  const names = [
    'grpc-encoding', 'grpc-timeout', 'grpc-accept-encoding', 'ectx-view', 'ectx-run-token', 'ectx-shred', 'idempotency-key', 'content-type', 'x-request-id', 'x-any-bin'
  ]
  const headers = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 2 })
  const path = fc.oneof(fc.constantFrom(CREATE, GET, LIST, `${HEALTH}/Check`, `${HEALTH}/List`), fc.stringMatching(/^\/[!-~]{0,30}$/))
  const isWell = async (path: string, headers: object, body: Buffer) =>
    !/^(?:internal|unknown|reset)$/.test((await ask(session, path, headers, body)).code)
  await fc.assert(fc.asyncProperty(path, headers, body, fc.boolean(), (path, headers, body, isKnown) =>
    isWell(path, { ...isKnown && operator, ...headers }, body)), { numRuns: 1500, seed: 13 })
  t.same(lines.filter(({ level }) => level === 'error'), [])
})

t.test('over TLS alone, by the files of REST, which may change meanwhile', async t => {
  const [root, other] = [await createRoot('root'), await createRoot('other')]
  const [first, second, client, stranger] = await Promise.all([
    createCertificate(root), createCertificate(root), createCertificate(root, 'client'), createCertificate(other, 'client')
  ])
  const directory = t.testdir({ cert: first.cert, key: first.key, ca: root.cert })
  const files = { ECTX_TLS_CERT: `${directory}/cert`, ECTX_TLS_KEY: `${directory}/key`, ECTX_TLS_CA: `${directory}/ca` }
  const { grpc } = await startGateway(t, undefined, { ...withTokens(t), ...files, ECTX_GRPC_PORT: '0' }, UNHURRIED)
  const address = await grpc!.listen({ host: '127.0.0.1', port: 0 })
  const session = await openSession(t, address, { ca: root.cert, ...client })
  t.equal((await ask(session, LIST, operator)).code, 'ok')
  const certificate = (session.socket as TLSSocket).getPeerCertificate().raw
  t.same(certificate, new X509Certificate(first.cert).raw)

  const isRefused = (options: object) => new Promise<boolean>(resolve => {
    const session = connect(`https://${address}`, { ca: root.cert, ...options }).on('error', () => resolve(true)).on('close', () => resolve(true))
    ask(session, LIST, operator).then(({ code }) => resolve(code === 'reset'), () => resolve(true))
  })
  t.ok(await isRefused({}), 'without a certificate')
  t.ok(await isRefused(stranger), 'with a stranger one')
  const [host, port] = address.split(':')
  const overHttp1 = tlsConnect({ host, port: Number(port), ca: root.cert, ...client, ALPNProtocols: ['http/1.1'] })
  await t.rejects(once(overHttp1, 'secureConnect'), /alert/, 'for another protocol')
  t.equal((await ask(await openSession(t, address, { ca: root.cert, ...client }), LIST, operator)).code, 'ok')

  writeFileSync(`${directory}/key`, second.key)
  writeFileSync(`${directory}/cert`, second.cert)
  await until(async () => {
    const session = await openSession(t, address, { ca: root.cert, ...client })
    const { raw } = (session.socket as TLSSocket).getPeerCertificate()
    session.destroy()
    return raw.equals(new X509Certificate(second.cert).raw)
  })
  t.equal((await ask(session, LIST, operator)).code, 'ok', 'what was open goes on')
})
