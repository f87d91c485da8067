import { connect } from 'node:net'
import t from 'tap'
import { bearer, OPERATOR, withTokens } from '../support/callers.js'
import { newDataDir } from '../support/data-dir.js'
import { CONTEXTS, createClient } from '../support/http.js'
import { spawnGateway, startProcess } from '../support/process.js'
import { ask, GET, openSession } from '../support/raw-grpc.js'
import { overGrpc } from '../transports/clients.js'

const CREATE = 'ExecutionContextCommandController/create'

t.test('what was acknowledged while the gateway ended is there, and what was not is refused', async t => {
  const env = { ...withTokens(t), ECTX_DATA_DIR: newDataDir(t), ECTX_GRPC_PORT: '0' }
  const gateway = await startProcess(t, { env })
  const { call, close } = overGrpc(gateway.grpc)
  t.teardown(close)
  // One that reads nothing, and one that never finishes what it asks.
  const idle = await openSession(t, gateway.grpc, { settings: { initialWindowSize: 0 } })
  for (const isOpen of [true, false]) ask(idle, GET, bearer(OPERATOR), Buffer.alloc(3), isOpen).catch(() => {})

  for (const said of ['', 'PRI * HT', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']) {
    const socket = connect(Number(gateway.grpc.split(':')[1]), '127.0.0.1').on('error', () => {})
    t.teardown(() => socket.destroy())
    socket.pause().write(said)
  }

  const made: string[] = []
  const codes = new Set<string>()
  let isEnding = false
  const writers = Array.from({ length: 32 }, async (_, writer) => {
    for (let turn = 0; ; turn++) {
      const { code, message } = await call(CREATE, { metadata: { name: `run ${writer} ${turn}` }, spec: { execution_id: 'wfx-1' } }, { token: OPERATOR })
      if (code !== 'ok') return codes.add(code)
      made.push(message!.metadata.id)
      if (made.length > 500 && !isEnding) {
        isEnding = true
        gateway.child.kill('SIGTERM')
      }
    }
  })
  t.match(await gateway.exited, { code: 0, stderr: '' })
  await Promise.all(writers)
  t.same([...codes].filter(code => code !== 'unavailable' && code !== 'unknown'), [])
  t.equal(gateway.lines.at(-1)?.msg, 'closed')

  const again = await startProcess(t, { env })
  const client = createClient(t, again.address)
  const ids = new Set<string>()
  for (let page = ''; ;) {
    const { text } = await client.send('GET', `${CONTEXTS}?page_size=100${page}`, { headers: bearer(OPERATOR) })
    const { execution_contexts: found, next_page_token: next } = JSON.parse(text)
    for (const { metadata: { id } } of found) ids.add(id)
    if (next === undefined) break
    page = `&page_token=${next}`
  }
  t.same(made.filter(id => !ids.has(id)), [])
  t.ok(ids.size - made.length <= 32, 'no more than were on their way')
})

t.test('a port that cannot be had ends the start, and leaves nothing behind', async t => {
  const env = { ECTX_GRPC_PORT: '0' }
  const first = await startProcess(t, { env })
  const { code, stderr } = await spawnGateway(t, { env: { ECTX_GRPC_PORT: first.grpc.split(':')[1]! } }).exited
  t.equal(code, 1)
  t.match(stderr, /^ectx: listen EADDRINUSE.*ECTX_GRPC_PORT\n$/)
})
