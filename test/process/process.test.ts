import { once } from 'node:events'
import { chmodSync, readdirSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { request as requestOverTls } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { Level } from 'level'
import t, { type Test } from 'tap'
import { placesIn } from '../../src/config/places.js'
import { recordKey } from '../../src/engines/embedded/level/level-keys.js'
import { createCertificate, createRoot } from '../support/certificates.js'
import { newDataDir } from '../support/data-dir.js'
import { byReference, CONTEXTS, createClient } from '../support/http.js'
import { contextBody } from '../support/gateway.js'
import { KIND } from '../support/records.js'
import { spawnGateway, startProcess, type Options } from '../support/process.js'

t.test('starts, says where it is ready, and logs one line for each request', async t => {
  const gateway = await startProcess(t)
  t.match(gateway.address, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.match(gateway.lines.at(-1), { level: 'info', msg: 'ready', address: gateway.address, docs: `${gateway.address}/docs`, data_dir: gateway.dataDir })

  const client = createClient(t, gateway.address)
  const created = await client.post(CONTEXTS, contextBody({ metadata: { slug: 'n4med', labels: { team: 'l4bel' } } }))
  const { id } = JSON.parse(created.text).metadata
  await client.get(`${CONTEXTS}/${id}`)
  await client.get(byReference('n4med'))
  await client.get(byReference('qu3ry'))
  await client.post(CONTEXTS, { metadata: { name: 'b0dy' }, spec: { unkn0wn: 'b0dy' } })
  await client.get('/p4th')
  const { code, stderr } = await gateway.stop()
  t.equal(code, 0)
  t.equal(stderr, '')

  const requests = gateway.lines.filter(({ msg }) => msg === 'request')
  t.match(requests, [
    { operation: 'createExecutionContext', method: 'POST', route: CONTEXTS, status: 201 },
    { operation: 'getExecutionContext', method: 'GET', route: `${CONTEXTS}/:id`, status: 200 },
    { operation: 'getExecutionContextByReference', route: `${CONTEXTS}/by-reference`, status: 200 },
    { operation: 'getExecutionContextByReference', route: `${CONTEXTS}/by-reference`, status: 404 },
    { operation: 'createExecutionContext', route: CONTEXTS, status: 400 },
    { method: 'GET', status: 404 }
  ])
  t.equal(requests.length, 6)
  for (const line of requests) {
    t.type(line.duration_ms, 'number')
    t.type(line.request_id, 'string')
    t.ok(Date.parse(String(line.time)))
  }
  t.equal(new Set(requests.map(line => line.request_id)).size, 6)
  t.notMatch(JSON.stringify(gateway.lines), /s3cr3t|eu-central-1|n4med|l4bel|qu3ry|b0dy|unkn0wn|p4th/)
})

t.test('over TLS it says https, where it is ready and where its pages are', async t => {
  const root = await createRoot('test root')
  const { cert, key } = await createCertificate(root)
  const directory = t.testdir({ cert, key })
  const gateway = await startProcess(t, { env: { ECTX_TLS_CERT: `${directory}/cert`, ECTX_TLS_KEY: `${directory}/key`, ECTX_DATA_DIR: `${directory}/data` } })
  t.match(gateway.address, /^https:\/\/127\.0\.0\.1:\d+$/)
  t.equal(gateway.lines.at(-1)?.docs, `${gateway.address}/docs`)
  const [response] = await once(requestOverTls(`${gateway.address}/healthz`, { ca: root.cert }).end(), 'response')
  t.equal(response.statusCode, 200)
  response.resume()
  t.equal((await gateway.stop()).code, 0)
})

t.test('keeps its data directory to itself, and warns where it runs as root', async t => {
  const dataDir = newDataDir(t)
  chmodSync(dataDir, 0o755)
  const gateway = await startProcess(t, { env: { ECTX_DATA_DIR: dataDir } })
  t.equal(statSync(dataDir).mode & 0o777, 0o700)
  const open = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).filter(name => (statSync(`${dataDir}/${name}`).mode & 0o077) !== 0)
  t.same(open, [])
  const warnings = gateway.lines.filter(({ level }) => level === 'warn').map(({ msg }) => String(msg))
  t.equal(warnings.some(warning => warning.startsWith('running as root')), process.getuid?.() === 0)
})

t.test('SIGTERM finishes what runs, keeps it, and exits 0', async t => {
  const gateway = await startProcess(t)
  const client = createClient(t, gateway.address)
  await client.get('/healthz')
  const body = (index: number) => JSON.stringify(contextBody({ metadata: { slug: `s-${index}` } }))

  // The server has accepted a request when it asks for its body.
  const requests = Array.from({ length: 20 }, (_, index) => request(gateway.address + CONTEXTS, {
    method: 'POST',
    agent: client.agent,
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body(index)), expect: '100-continue' }
  }))
  await Promise.all(requests.map(async outgoing => {
    outgoing.flushHeaders()
    await once(outgoing, 'continue')
  }))
  gateway.child.kill('SIGTERM')
  while (!gateway.lines.some(({ msg }) => msg === 'closing')) await once(gateway.output, 'line')

  const answers = await Promise.all(requests.map(async (outgoing, index) => {
    outgoing.end(body(index))
    const [response] = await once(outgoing, 'response')
    let text = ''
    for await (const chunk of response) text += chunk
    return { status: response.statusCode, text }
  }))
  t.same(answers.map(({ status }) => status), Array(20).fill(201))
  t.match(await gateway.exited, { code: 0, signal: null, stderr: '' })
  t.match(gateway.lines.find(({ msg }) => msg === 'closing'), { level: 'info', signal: 'SIGTERM' })
  t.match(gateway.lines.at(-1), { level: 'info', msg: 'closed' })
  t.equal(gateway.lines.filter(({ msg, status }) => msg === 'request' && status === 201).length, 20, 'every line was flushed')

  const next = await startProcess(t, { env: { ECTX_DATA_DIR: gateway.dataDir } })
  const nextClient = createClient(t, next.address)
  for (const [index, { text }] of answers.entries()) t.equal((await nextClient.get(byReference(`s-${index}`))).text, text)

  await t.test('and a second process on the same data directory says so and exits 1', async t => {
    await refusesToStart(t, { env: { ECTX_DATA_DIR: gateway.dataDir } }, new RegExp(`${gateway.dataDir}.*another process has it open.*ECTX_DATA_DIR`))
    t.equal((await nextClient.get('/readyz')).status, 200)
  })
})

async function refusesToStart (t: Test, options: Options, message: RegExp) {
  const { code, stderr } = await spawnGateway(t, options).exited
  t.equal(code, 1)
  t.match(stderr, message)
  t.match(stderr, /^ectx: /)
  t.notMatch(stderr, /^ {4}at /m, 'a message, not a stack')
}

t.test('refuses to start, with what to do', async t => {
  t.test('where the port is in use', async t => {
    const other = createServer().listen(0, '127.0.0.1')
    t.teardown(() => other.close())
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    await refusesToStart(t, { env: { ECTX_PORT: String(port) } }, new RegExp(`127\\.0\\.0\\.1:${port}.*ECTX_PORT`))
  })

  t.test('where a file is in the way of the data directory', async t => {
    const dataDir = `${t.testdir({ file: '' })}/file`
    await refusesToStart(t, { env: { ECTX_DATA_DIR: dataDir } }, new RegExp(`${dataDir}.*a file is in the way`))
  })

  t.test('where a variable is unknown or wrong, all in one message', async t => {
    await refusesToStart(t, { env: { ECTX_PROT: '1', ECTX_PORT: '70000', ECTX_LOG_LEVEL: 'loud' } },
      /ECTX_PROT is not known; did you mean ECTX_PORT\?\nECTX_PORT must be a port from 0 .* to 65535\nECTX_LOG_LEVEL must be trace, .*/)
  })

  t.test('where it cannot use the TLS files', async t => {
    const missing = `${t.testdirName}-missing`
    await refusesToStart(t, { env: { ECTX_TLS_CERT: missing, ECTX_TLS_KEY: missing } }, new RegExp(`ECTX_TLS_CERT: ${missing} cannot be read \\(ENOENT\\)`))
    await refusesToStart(t, { env: { ECTX_TLS_CERT: missing } }, /ECTX_TLS_KEY must be set too, since ECTX_TLS_CERT is/)
  })

  t.test('where others could reach it', async t => {
    for (const ECTX_HOST of ['0.0.0.0', '::']) await refusesToStart(t, { env: { ECTX_HOST } }, /ECTX_HOST must be a loopback address/)
  })
})

t.test('a crash is logged as fatal, loses nothing that was acknowledged, and exits 1', async t => {
  const crashes = {
    'an error that nobody catches': 'throw new Error("s3cr" + "3t")',
    'a promise that nobody catches': 'Promise.reject(new Error("s3cr" + "3t"))'
  }
  for (const [what, crash] of Object.entries(crashes)) {
    await t.test(what, async t => {
      // A signal that means nothing to the gateway makes it happen.
      const module = `data:text/javascript,process.on("SIGWINCH", () => { ${crash} })`
      const gateway = await startProcess(t, { nodeOptions: ['--import', module] })
      t.equal((await createClient(t, gateway.address).post(CONTEXTS, contextBody())).status, 201)
      gateway.child.kill('SIGWINCH')
      t.match(await gateway.exited, { code: 1, signal: null })
      t.match(gateway.lines.find(({ level }) => level === 'fatal'), { msg: 'crashed', err: { type: 'Error', stack: /at / } })
      t.notMatch(JSON.stringify(gateway.lines), /s3cr3t/)

      const next = await startProcess(t, { env: { ECTX_DATA_DIR: gateway.dataDir } })
      t.equal((await createClient(t, next.address).get(byReference('my-run'))).status, 200)
    })
  }
})

t.test('with ECTX_ON_DAMAGE=stop it ends where the store does not hold what was committed, and says why', async t => {
  const dataDir = newDataDir(t)
  const first = await startProcess(t, { env: { ECTX_DATA_DIR: dataDir } })
  const created = await createClient(t, first.address).post(CONTEXTS, contextBody())
  await first.stop()
  const raw = new Level(placesIn(dataDir).database)
  await raw.del(recordKey(KIND, JSON.parse(created.text).metadata.id))
  await raw.close()

  const stopping = spawnGateway(t, { env: { ECTX_DATA_DIR: dataDir, ECTX_ON_DAMAGE: 'stop' } })
  const { code, stderr } = await stopping.exited
  t.equal(code, 1)
  t.match(stderr, /^ectx: the store does not hold what was committed last/)
  const serving = await startProcess(t, { env: { ECTX_DATA_DIR: dataDir, ECTX_ON_DAMAGE: 'serve' } })
  t.equal((await createClient(t, serving.address).get(byReference('my-run'))).status, 500)
})
