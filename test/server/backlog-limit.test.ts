import { once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { bearer, OPERATOR, VIEWER, withTokens } from '../support/callers.js'
import { contextBody, PATH, post } from '../support/gateway.js'
import { answersIn, listenRaw } from '../support/raw.js'
import { until } from '../support/until.js'

t.test('who lets answers wait, beyond 32 MiB, is told to read them first; others are not, nor who changes something', async t => {
  const { app, open } = await listenRaw(t, false, withTokens(t))
  const values = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`K${index}`, { value: '"'.repeat(65_536) }]))
  const { metadata: { id } } = (await post(app, contextBody({ spec: { execution_id: 'x', data: values } }), PATH, bearer(OPERATOR))).json()
  const request = (token: string, method: string, path: string, body = '') =>
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${body && `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`}\r\n${body}`
  const ask = async (...asked: Parameters<typeof request>) => {
    const socket = open()
    socket.write(request(...asked))
    const [answer] = await once(socket, 'data')
    socket.destroy()
    return answersIn(String(answer))[0]!
  }

  const waiting: Socket[] = []
  await until(async () => {
    const socket = open().pause()
    // As large as the kernel keeps for a connection, and more.
    socket.write(request(VIEWER, 'GET', `${PATH}/${id}`).repeat(16))
    waiting.push(socket)
    return (await ask(VIEWER, 'GET', `${PATH}/exec-x`)).status === 503
  })
  t.ok(waiting.length > 8 && waiting.length < 64, `${waiting.length} connections`)
  t.match(await ask(VIEWER, 'GET', `${PATH}/exec-x`), { status: 503, head: /^retry-after: 1\r$/im, body: '"code":"unavailable"' })
  t.equal((await ask(VIEWER, 'DELETE', `${PATH}/${id}`)).status, 403)
  t.equal((await ask(OPERATOR, 'GET', `${PATH}/exec-x`)).status, 404)
  t.equal((await ask(OPERATOR, 'POST', PATH, JSON.stringify(contextBody({ metadata: { name: 'another' } })))).status, 201)
  t.equal((await ask('', 'GET', '/healthz')).status, 200)

  for (const socket of waiting) socket.destroy()
  await until(async () => (await ask(VIEWER, 'GET', `${PATH}/exec-x`)).status === 404)
})
