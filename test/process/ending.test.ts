import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectOverTls } from 'node:tls'
import t, { type Test } from 'tap'
import { auditEvents } from '../support/audit-events.js'
import { createCertificate, createRoot } from '../support/certificates.js'
import { newDataDir } from '../support/data-dir.js'
import { freePort } from '../support/free-port.js'
import { spawnGateway, startProcess } from '../support/process.js'
import { until } from '../support/until.js'

const ASK = 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
const HEAD = 'POST /v1/execution-contexts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n'

type Gateway = Awaited<ReturnType<typeof startProcess>>

async function assertInOrder (t: Test, gateway: Gateway) {
  t.match(await gateway.exited, { code: 0, signal: null, stderr: '' })
  t.match(gateway.lines.at(-1), { level: 'info', msg: 'closed' })
  t.equal(gateway.lines.filter(({ msg }) => msg === 'closing').length, 1)
  t.same(auditEvents(gateway.dataDir).at(-1), 'stopped')
}

async function open (t: Test, gateway: Gateway, sent = '') {
  const socket = connect(Number(new URL(gateway.address).port), '127.0.0.1').on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  if (sent !== '') socket.write(sent)
  return socket
}

/** A connection of which the gateway has got what was sent: it has answered a request before it. No more is read. */
async function openAndSend (t: Test, gateway: Gateway, sent: string) {
  const socket = await open(t, gateway, ASK + sent)
  await once(socket, 'data')
  return socket.pause()
}

// It waits seconds for what a client began: the gateways wait side by side.
const TOGETHER = { jobs: 5 }
const ASIDE = { buffered: true }

t.test('every signal that asks for it ends it in order, and a second one is the same wish', TOGETHER, async t => {
  for (const [first, second] of [['SIGINT', 'SIGINT'], ['SIGTERM', 'SIGINT'], ['SIGHUP', 'SIGTERM'], ['SIGQUIT', 'SIGHUP']] as const) {
    t.test(`${first}, ${second}`, ASIDE, async t => {
      const gateway = await startProcess(t)
      await openAndSend(t, gateway, HEAD.slice(0, 50))
      gateway.child.kill(first)
      while (!gateway.lines.some(({ msg }) => msg === 'closing')) await once(gateway.output, 'line')
      gateway.child.kill(second)
      await assertInOrder(t, gateway)
      t.match(gateway.lines.find(({ msg }) => msg === 'closing'), { signal: first })
    })
  }
})

t.test('no client holds up SIGTERM', TOGETHER, async t => {
  const clients = {
    'that sent half a head': HEAD.slice(0, 50),
    'that sent half a body': `${HEAD}{"metadata":`,
    'that reads no answer': 'GET /docs/json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(200)
  }
  for (const [who, sent] of Object.entries(clients)) {
    t.test(who, ASIDE, async t => {
      const gateway = await startProcess(t, { nodeOptions: ['--max-old-space-size=512'] })
      await openAndSend(t, gateway, sent)
      gateway.child.kill('SIGTERM')
      await assertInOrder(t, gateway)
    })
  }

  t.test('that sent nothing', ASIDE, async t => {
    const gateway = await startProcess(t)
    await open(t, gateway)
    await openAndSend(t, gateway, '')
    gateway.child.kill('SIGTERM')
    await assertInOrder(t, gateway)
  })

  t.test('that does not finish its TLS handshake', ASIDE, async t => {
    const root = await createRoot('test root')
    const directory = t.testdir({ ...await createCertificate(root) })
    const gateway = await startProcess(t, { env: { ECTX_TLS_CERT: `${directory}/cert`, ECTX_TLS_KEY: `${directory}/key`, ECTX_DATA_DIR: `${directory}/data` } })
    await open(t, gateway)
    await open(t, gateway, '\x16\x03\x01')
    const idle = connectOverTls({ port: Number(new URL(gateway.address).port), host: '127.0.0.1', ca: root.cert }).on('error', () => {})
    t.teardown(() => idle.destroy())
    await once(idle, 'secureConnect')
    gateway.child.kill('SIGTERM')
    await assertInOrder(t, gateway)
  })
})

t.test('a signal while it starts ends it without a word of error, and nothing stays half open', async t => {
  // It asks for its user when it begins to open what it keeps.
  const module = 'data:text/javascript,process.getuid = () => { process.kill(process.pid, "SIGTERM"); process.kill(process.pid, "SIGINT"); return 1 }'
  let isClosed = false
  // Where a start takes longer than it is waited for, on a busy machine, it is left as it is.
  while (!isClosed) {
    const gateway = spawnGateway(t, { nodeOptions: ['--import', module] })
    t.match(await gateway.exited, { code: 0, signal: null, stderr: '' })
    t.notOk(gateway.lines.some(({ msg }) => msg === 'ready'))
    isClosed = gateway.lines.at(-1)?.msg === 'closed'
    if (isClosed) t.same(auditEvents(gateway.dataDir), ['started', 'stopped'])
  }
})

t.test('where it cannot listen it closes what it opened', async t => {
  const other = await startProcess(t)
  const dataDir = newDataDir(t)
  const { code } = await spawnGateway(t, { env: { ECTX_PORT: new URL(other.address).port, ECTX_DATA_DIR: dataDir } }).exited
  t.equal(code, 1)
  t.same(auditEvents(dataDir), ['started', 'stopped'])
})

t.test('Ctrl-C under npm start ends it in order, though it comes from the terminal and from npm', async t => {
  const port = await freePort()
  const dataDir = newDataDir(t)
  const { NODE_OPTIONS: _, ...env } = process.env
  // The leader of a process group of its own, as a terminal makes it. dist/ is built: the scripts before are not needed.
  const npm = spawn('npm', ['start', '--ignore-scripts'], { detached: true, stdio: ['ignore', 'pipe', 'inherit'], env: { ...env, ECTX_PORT: String(port), ECTX_DATA_DIR: dataDir } })
  let text = ''
  npm.stdout.setEncoding('utf8').on('data', chunk => { text += chunk })
  const exited = once(npm, 'exit')
  t.teardown(() => { if (npm.exitCode === null && npm.signalCode === null) process.kill(-npm.pid!, 'SIGKILL') })
  await until(async () => text.includes('"ready"'))
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(HEAD.slice(0, 50))

  process.kill(-npm.pid!, 'SIGINT')
  t.same(await exited, [0, null])
  t.match(text, /"msg":"closed"/)
  t.same(auditEvents(dataDir), ['started', 'stopped'])
})
