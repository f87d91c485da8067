import { once } from 'node:events'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { BODY_LIMIT } from '../../src/rest/input/body-limit.js'
import { bearer, OPERATOR, withTokens } from '../support/callers.js'
import { contextBody, PATH, post, startGateway } from '../support/gateway.js'
import { assertProblem } from '../support/problem.js'
import { answersIn, listenRaw } from '../support/raw.js'

const MIB = 1024 * 1024
const headOf = (path: string, headers: Readonly<Record<string, string | number>>, method = 'POST') =>
  [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...Object.entries(headers).map(header => header.join(': ')), '', ''].join('\r\n')

/** The largest context that there is, in the longest JSON: everything escaped, names too. */
function largestBody (): string {
  const repeated = (count: number, make: (index: number) => unknown) => Array.from({ length: count }, (_, index) => make(index))
  // Two escapes for each character, as many characters as may be.
  const wide = (length: number, start = '') => start + '\u{1f600}'.repeat(length - start.length)
  const names = (prefix: string) => (index: number) => wide(253, `${prefix}${index}`)
  const map = (prefix: string, length: number) =>
    Object.fromEntries(repeated(64, index => [names(prefix)(index), wide(length)]) as Array<[string, string]>)
  const value = 'x'.repeat(Math.floor(MIB / 1000))
  const body = {
    api_version: 'agentic.stigmer.ai/v1',
    kind: 'ExecutionContext',
    metadata: {
      name: wide(1024),
      slug: 's'.repeat(253),
      org: wide(253),
      owner_scope: 'api_resource_owner_scope_unspecified',
      labels: map('l', 253),
      annotations: map('a', 4096),
      tags: repeated(64, names('t'))
    },
    spec: {
      execution_id: wide(253),
      data: Object.fromEntries(repeated(1000, index => [`K${index}_`.padEnd(253, 'k'), { value: index === 0 ? value + 'x'.repeat(MIB % 1000) : value, is_secret: false }]) as Array<[string, object]>)
    }
  }
  const escape = (text: string) => `"${Array.from({ length: text.length }, (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`).join('')}"`
  const render = (value: unknown): string => {
    if (typeof value === 'string') return escape(value)
    if (Array.isArray(value)) return `[${value.map(render).join(',')}]`
    if (typeof value !== 'object' || value === null) return JSON.stringify(value)
    return `{${Object.entries(value).map(([name, child]) => `${escape(name)}:${render(child)}`).join(',')}}`
  }
  return render(body)
}

t.test('every context that keeps to the contract fits, however it is escaped', async t => {
  const { app } = await startGateway(t)
  const body = largestBody()
  t.ok(body.length > 11 * MIB && body.length <= BODY_LIMIT)
  t.equal((await post(app, body)).statusCode, 201)
})

t.test('a body of the most bytes is taken, and one byte more is 413', async t => {
  const { app } = await startGateway(t)
  const json = JSON.stringify(contextBody())
  t.equal((await post(app, json.padEnd(BODY_LIMIT))).statusCode, 201)
  const { detail } = assertProblem(t, await post(app, json.padEnd(BODY_LIMIT + 1)), { status: 413, code: 'resource_exhausted' })
  t.match(detail, `${BODY_LIMIT / MIB} MiB`)
})

for (const overTls of [false, true]) {
  t.test(`who sends all before it reads gets its answer, ${overTls ? 'over' : 'without'} TLS`, async t => {
    const { open } = await listenRaw(t, overTls, withTokens(t))
    const large = Buffer.alloc(50 * 1000 * 1000, ' ')
    const length = { 'Content-Length': large.length }
    const operator = { Authorization: bearer(OPERATOR).authorization, 'Content-Type': 'application/json' }
    for (const [what, head, status] of [
      ['too large', headOf(PATH, { ...operator, ...length }), 413],
      ['too large, in one chunk', headOf(PATH, { ...operator, 'Transfer-Encoding': 'chunked' }) + `${large.length.toString(16)}\r\n`, 413],
      ['on a connection that ends with it', headOf(PATH, { ...operator, ...length, Connection: 'close' }), 413],
      ['with credentials that are not valid', headOf(PATH, { ...operator, ...length, Authorization: 'Bearer wrong' }), 401],
      ['to nothing', headOf('/nothing', { ...length, Connection: 'close' }), 404],
      ['with a wrong method', headOf(PATH, length, 'PUT'), 405],
      ['to what takes no body', headOf('/healthz', { ...length, Connection: 'close' }, 'GET'), 200]
    ] as const) {
      const socket = open()
      socket.pause()
      socket.write(head)
      // What cannot be sent is an error here, and the test fails.
      await new Promise<void>((resolve, reject) => socket.write(large, error => error ? reject(error) : resolve()))
      socket.end(head.includes('chunked') ? '\r\n0\r\n\r\n' : '')
      t.same(answersIn(await text(socket)).map(({ status }) => status), [status], what)
    }
  })
}

t.test('nobody is listened to for ever', async t => {
  const { open } = await listenRaw(t)
  const mib = Buffer.alloc(MIB, ' ')
  for (const [what, head] of [
    ['in a body that was refused', headOf('/nothing', { 'Content-Length': 1e12 })],
    ['in one that is too large', headOf(PATH, { 'Content-Length': 1e12 })],
    ['behind what is no HTTP', 'nonsense\r\n\r\n']
  ] as const) {
    const socket = open()
    socket.on('error', () => {}).resume()
    socket.write(head)
    let sent = 0
    for (; !socket.destroyed && sent < 1024; sent++) {
      if (!socket.write(mib)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
    }
    t.ok(sent < 1024, what)
  }
})

t.test('beyond 64 MiB in all, the upload that has taken longest is told to try again, and small ones still go through', async t => {
  const { app, open } = await listenRaw(t)
  const part = Buffer.alloc(BODY_LIMIT - 1, ' ')
  const uploads: Socket[] = []
  for (let turn = 0; turn < 6; turn++) {
    const socket = open()
    socket.write(headOf(PATH, { 'Content-Type': 'application/json', 'Content-Length': BODY_LIMIT }))
    await new Promise<void>(resolve => socket.write(part, () => resolve()))
    uploads.push(socket)
  }
  const [first, ...others] = uploads
  const [answer] = await once(first!, 'data')
  t.match(String(answer), /^HTTP\/1\.1 503 .*^retry-after: 1\r$/ims)
  t.equal((await post(app, contextBody())).statusCode, 201)
  for (const socket of others) socket.end('{')
  for (const socket of others) t.same(answersIn(await text(socket)).map(({ status }) => status), [400])
})

t.test('what was answered does not count', async t => {
  const { open } = await listenRaw(t)
  const first = open()
  first.write(headOf(PATH, { 'Content-Type': 'application/json', 'Content-Length': BODY_LIMIT }))
  await new Promise<void>(resolve => first.write(Buffer.alloc(BODY_LIMIT - 1, ' '), () => resolve()))
  for (let turn = 0; turn < 8; turn++) {
    const socket = open()
    socket.write(headOf(PATH, { 'Content-Type': 'application/json', 'Content-Length': BODY_LIMIT, Connection: 'close' }))
    socket.end(JSON.stringify(contextBody({ metadata: { name: `Run ${turn}` } })).padEnd(BODY_LIMIT))
    t.same(answersIn(await text(socket)).map(({ status }) => status), [201])
  }
  first.end('{')
  t.same(answersIn(await text(first)).map(({ status }) => status), [400])
})
