import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { stripVTControlCharacters } from 'node:util'
import t, { type Test } from 'tap'
import { auditEvents } from '../support/audit-events.js'
import { newDataDir } from '../support/data-dir.js'
import { freePort } from '../support/free-port.js'
import { CONTEXTS, createClient } from '../support/http.js'
import { contextBody } from '../support/gateway.js'
import { spawnGateway, startProcess } from '../support/process.js'
import { until } from '../support/until.js'

// Some 250 bytes each: several times what the output keeps for a reader that reads nothing.
const MANY = 16_000

/** Sends `times` requests, on sixteen connections and ten at a time on each, and one that creates a context. All are answered. */
async function ask (t: Test, address: string, times: number) {
  const ten = 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(10)
  await Promise.all(Array.from({ length: 16 }, async () => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1').setEncoding('utf8')
    for (let turn = 0; turn < times / 160; turn++) {
      socket.write(ten)
      for (let answers = ''; answers.split('HTTP/1.1 ').length <= 10;) answers += (await once(socket, 'data'))[0]
    }
    socket.destroy()
  }))
  const client = createClient(t, address)
  t.equal((await client.post(CONTEXTS, contextBody())).status, 201)
}

t.test('a reader that stalls holds up nothing, SIGTERM neither', async t => {
  const gateway = await startProcess(t, { nodeOptions: ['--max-old-space-size=512'] })
  gateway.output.pause()
  await ask(t, gateway.address, MANY)
  const exit = once(gateway.child, 'exit')
  gateway.child.kill('SIGTERM')
  t.same(await exit, [0, null])
  t.equal(auditEvents(gateway.dataDir).at(-1), 'stopped')
  // The last line may be there by half.
  gateway.child.stdout!.destroy()
})

t.test('lines that it does not read are counted, and it is told when it reads again', async t => {
  const gateway = await startProcess(t)
  gateway.output.pause()
  await ask(t, gateway.address, MANY)
  gateway.output.resume()
  while (!gateway.lines.some(({ count }) => count !== undefined)) await once(gateway.output, 'line')
  t.equal((await gateway.stop()).code, 0)
  const [dropped] = gateway.lines.filter(({ count }) => count !== undefined)
  t.match(dropped, { level: 'warn', msg: /log lines were dropped/ })
  const requests = gateway.lines.filter(({ msg }) => msg === 'request').length
  t.equal(requests + Number(dropped!.count), MANY + 1, 'each line was read or counted')
  t.match(gateway.lines.at(-1), { msg: 'closed' })
})

t.test('a reader that goes away ends nothing', async t => {
  const gateway = await startProcess(t)
  gateway.child.stdout!.destroy()
  await ask(t, gateway.address, 1600)
  gateway.child.kill('SIGTERM')
  t.match(await gateway.exited, { code: 0, signal: null, stderr: '' })
  t.equal(auditEvents(gateway.dataDir).at(-1), 'stopped')
})

t.test('a file gets every line', async t => {
  const file = `${newDataDir(t)}/log`
  const stdout = openSync(file, 'w')
  const port = await freePort()
  const gateway = spawnGateway(t, { stdout, env: { ECTX_PORT: String(port) } })
  closeSync(stdout)
  await until(async () => readFileSync(file, 'utf8').includes('"ready"'))
  await ask(t, `http://127.0.0.1:${port}`, 160)
  t.equal((await gateway.stop()).code, 0)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line))
  t.equal(lines.filter(({ msg }) => msg === 'request').length, 161)
  t.equal(lines.at(-1).msg, 'closed')
})

t.test('a full disk under the log ends nothing', { skip: !existsSync('/dev/full') && 'there is no /dev/full here' }, async t => {
  const stdout = openSync('/dev/full', 'w')
  const port = await freePort()
  const gateway = spawnGateway(t, { stdout, env: { ECTX_PORT: String(port) } })
  closeSync(stdout)
  const { get } = createClient(t, `http://127.0.0.1:${port}`)
  await until(() => get('/healthz').then(() => true, () => false))
  await ask(t, `http://127.0.0.1:${port}`, MANY)
  t.match(await gateway.stop(), { code: 0, signal: null, stderr: '' })
  t.equal(auditEvents(gateway.dataDir).at(-1), 'stopped')
})

// `script` of util-linux runs a command on a terminal of its own.
const hasScript = /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '')

t.test('a terminal gets "ready" once, and a line for each request', { skip: !hasScript && 'there is no script of util-linux here' }, async t => {
  const port = await freePort()
  const dataDir = newDataDir(t)
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn('script', ['-qefc', `exec ${process.execPath} dist/src/main.js`, '/dev/null'], {
    env: { ...env, ECTX_PORT: String(port), ECTX_DATA_DIR: dataDir }, stdio: ['pipe', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  let text = ''
  child.stdout.setEncoding('utf8').on('data', chunk => { text += chunk })
  const exited = once(child, 'exit')
  await until(async () => text.includes('ready'))
  const client = createClient(t, `http://127.0.0.1:${port}`)
  await client.post(CONTEXTS, contextBody({ metadata: { slug: 'n4med' } }))
  await client.get('/p4th?qu3ry')
  child.stdin.write('\x03')
  t.same(await exited, [0, null])

  // The terminal shows the Ctrl-C too.
  const lines = stripVTControlCharacters(text).replaceAll('^C', '').trimEnd().split('\n').map(line => line.trim())
  t.same(lines.filter(line => !/^\[[\d:.]+\] [A-Z]+: /.test(line)), [], 'nothing takes a second line')
  t.equal(lines.filter(line => line.includes(`http://127.0.0.1:${port}`)).length, 1)
  const requests = lines.filter(line => /\bms\b/.test(line))
  t.match(requests, [/INFO: POST \/v1\/execution-contexts 201 [\d.]+ ms [0-9a-f-]{36}$/, /INFO: GET \(no route\) 404 [\d.]+ ms [0-9a-f-]{36}$/])
  t.equal(requests.length, 2)
  t.notMatch(text, /n4med|p4th|qu3ry|s3cr3t/)
  t.equal(auditEvents(dataDir).at(-1), 'stopped')
})
