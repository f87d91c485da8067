import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { auditEvents } from '../support/audit-events.js'
import { CONTEXTS, createClient } from '../support/http.js'
import { contextBody } from '../support/gateway.js'
import { spawnGateway, startProcess } from '../support/process.js'

const openFiles = (most: number) => ['sh', '-c', `ulimit -n ${most} && exec "$0" "$@"`]
const SOON_MS = 10_000

/** Creates a context as a client does that knows nothing of the others. */
async function create (t: Test, address: string, name: string) {
  const client = createClient(t, address)
  const timer = setTimeout(() => client.agent.destroy(), SOON_MS)
  const { status } = await client.post(CONTEXTS, contextBody({ metadata: { name } }))
  clearTimeout(timer)
  client.agent.destroy()
  return status
}

t.test('with more connections than files can be open, others are served, and SIGTERM ends it in order', async t => {
  const head = `POST ${CONTEXTS} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n`
  const attacks = { idle: '', 'half a head': head.slice(0, 50), 'half a body': `${head}{`, 'kept alive': 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' }
  for (const [what, sent] of Object.entries(attacks)) {
    await t.test(what, async t => {
      const gateway = await startProcess(t, { under: openFiles(600), nodeOptions: ['--max-old-space-size=512'] })
      const port = Number(new URL(gateway.address).port)
      t.equal(await create(t, gateway.address, 'before'), 201)
      const sockets = await Promise.all(Array.from({ length: 700 }, async () => {
        const socket = connect(port, '127.0.0.1').on('error', () => {})
        t.teardown(() => socket.destroy())
        await once(socket, 'connect')
        socket.write(sent)
        return socket.resume()
      }))
      for (const name of ['first', 'second']) t.equal(await create(t, gateway.address, name), 201)

      gateway.child.kill('SIGTERM')
      gateway.child.kill('SIGINT')
      t.match(await gateway.exited, { code: 0, signal: null, stderr: '' })
      const told = gateway.lines.filter(({ level, msg }) => level === 'warn' && /connections/.test(String(msg)))
      t.match(told[0], { count: 1 })
      t.ok(told.length < 4, 'a few lines, not hundreds')
      t.equal(auditEvents(gateway.dataDir).at(-1), 'stopped')
      t.notOk(gateway.lines.some(({ level }) => level === 'error' || level === 'fatal'))
      for (const socket of sockets) socket.destroy()
    })
  }
})

t.test('who read the audit log, all at once, leave files for others', async t => {
  const gateway = await startProcess(t, { under: openFiles(600) })
  t.equal(await create(t, gateway.address, 'before'), 201)
  await Promise.all(Array.from({ length: 400 }, async () => {
    const socket = connect(Number(new URL(gateway.address).port), '127.0.0.1').on('error', () => {})
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    socket.resume().write('GET /v1/audit-events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(4))
  }))
  for (const name of ['first', 'second']) t.equal(await create(t, gateway.address, name), 201)
  const client = createClient(t, gateway.address)
  t.equal((await client.get('/v1/audit-events')).status, 200)
  t.equal((await gateway.stop()).code, 0)
  t.same(new Set(gateway.lines.filter(({ msg }) => msg === 'request').map(({ status }) => status)), new Set([200, 201]))
})

t.test('when they have gone, everybody is served again', async t => {
  const gateway = await startProcess(t, { under: openFiles(600) })
  const port = Number(new URL(gateway.address).port)
  for (let round = 0; round < 2; round++) {
    const sockets = await Promise.all(Array.from({ length: 500 }, async () => {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      await once(socket, 'connect')
      return socket
    }))
    for (const socket of sockets) socket.destroy()
  }
  const client = createClient(t, gateway.address)
  const answers = await Promise.all(Array.from({ length: 100 }, () => client.get('/healthz')))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal((await client.get('/readyz')).status, 200)
})

t.test('with too few open files it does not start, and says what to do', async t => {
  for (const most of [32, 64, 128, 256]) {
    const { code, stderr } = await spawnGateway(t, { under: openFiles(most) }).exited
    t.equal(code, 1)
    t.match(stderr, new RegExp(`^ectx: this process may have ${most} files open and needs at least 512.*ulimit -n`))
    t.notMatch(stderr, /^ {4}at /m, 'a message, not a stack')
  }
})
