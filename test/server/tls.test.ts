import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { request as plainRequest } from 'node:http'
import { createServer, request, type RequestOptions } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { connect as tlsConnect } from 'node:tls'
import t, { type Test } from 'tap'
import { LIMITS } from '../../src/server/listener.js'
import { followTls, readTls } from '../../src/server/tls.js'
import { createLogger } from '../../src/telemetry/log.js'
import { createCertificate, createRoot, type Pair } from '../support/certificates.js'
import { startGateway } from '../support/gateway.js'

const root = await createRoot('test root')
const other = await createRoot('other root')
const first = await createCertificate(root)
const second = await createCertificate(root)

function files (t: Test, { cert, key }: Pair, ca?: string) {
  const directory = t.testdir({ cert, key, ca: ca ?? '' })
  const paths = { cert: `${directory}/cert`, key: `${directory}/key`, ca: ca === undefined ? undefined : `${directory}/ca` }
  // As a new file in its place, which is how most tools do it.
  const replace = (name: 'cert' | 'key', content: string) => {
    writeFileSync(`${directory}/new`, content)
    renameSync(`${directory}/new`, paths[name])
  }
  return { paths, replace }
}

async function listen (t: Test, pair: Pair, ca?: string, limits = LIMITS) {
  const { paths } = files(t, pair, ca)
  const { app, lines } = await startGateway(t, undefined, { ECTX_TLS_CERT: paths.cert, ECTX_TLS_KEY: paths.key, ECTX_TLS_CA: paths.ca ?? '' }, limits)
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  interface Got { status: number, headers: Record<string, unknown>, text: string }
  const get = (options: RequestOptions = {}) => new Promise<Got>((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: '/healthz', ca: root.cert, agent: false, ...options }, response => {
      const { statusCode, headers } = response
      text(response).then(text => resolve({ status: statusCode!, headers, text }), reject)
    }).on('error', reject).end()
  })
  return { address, port, lines, get }
}

t.test('serves https, with the headers that only mean something there, and says so in its address', async t => {
  const { address, get, lines } = await listen(t, first)
  t.match(address, /^https:\/\/127\.0\.0\.1:\d+$/)
  t.ok(lines.some(({ msg }) => String(msg).endsWith(address)))
  const { status, headers } = await get()
  t.equal(status, 200)
  t.match(headers, { 'strict-transport-security': 'max-age=31536000', 'cross-origin-opener-policy': 'same-origin', 'x-content-type-options': 'nosniff' })
})

t.test('answers what is no HTTP, and a request without Host, as it does without TLS', async t => {
  const { port } = await listen(t, first)
  for (const sent of ['nonsense\r\n\r\n', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n']) {
    const socket = tlsConnect({ port, host: '127.0.0.1', ca: root.cert })
    socket.end(sent)
    const answer = await text(socket)
    t.match(answer, /^HTTP\/1\.1 400 .*"code":"invalid_argument"/s)
    t.match(answer, '\r\nstrict-transport-security: ')
  }
})

t.test('speaks no TLS below 1.2', async t => {
  const { port } = await listen(t, first)
  const version = async (maxVersion: 'TLSv1.1' | 'TLSv1.2') => {
    const socket = tlsConnect({ port, host: '127.0.0.1', ca: root.cert, minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' })
    t.teardown(() => socket.destroy())
    return await once(socket, 'secureConnect').then(() => socket.getProtocol(), () => 'none')
  }
  t.equal(await version('TLSv1.1'), 'none')
  t.equal(await version('TLSv1.2'), 'TLSv1.2')
})

t.test('plain HTTP gets no answer, and the log says why', async t => {
  const { port, lines, get } = await listen(t, first)
  await t.rejects(new Promise((resolve, reject) => plainRequest({ port, host: '127.0.0.1' }, resolve).on('error', reject).end()), { code: 'ECONNRESET' })
  t.match(lines.filter(({ msg }) => msg === 'TLS handshake failed'), [{ level: 'info', reason: 'ERR_SSL_HTTP_REQUEST' }])
  const rude = connect(port, '127.0.0.1')
  rude.resetAndDestroy()
  t.equal((await get()).status, 200, 'others are served')
})

t.test('a client that does not finish its handshake is let go', async t => {
  const { port, lines } = await listen(t, first, undefined, { ...LIMITS, headersTimeout: 50 })
  t.equal(await text(connect(port, '127.0.0.1')), '')
  t.match(lines.filter(({ msg }) => msg === 'TLS handshake failed'), [{ reason: 'ERR_TLS_HANDSHAKE_TIMEOUT' }])
})

t.test('with a CA, a client needs a certificate that the CA issued', async t => {
  const { get, lines } = await listen(t, first, root.cert)
  t.equal((await get(await createCertificate(root))).status, 200)
  await t.rejects(get(), 'none')
  await t.rejects(get(await createCertificate(other)), 'of another')
  t.match(lines.filter(({ msg }) => msg === 'TLS handshake failed').map(({ reason }) => reason), [/CERTIFICATE/, /./])
})

t.test('changed files are in force without a restart; broken ones are not, and a warning says so', async t => {
  const { paths, replace } = files(t, first)
  const lines: Array<Record<string, unknown>> = []
  const inForce = readTls(paths)
  const server = createServer(inForce).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  followTls(server, paths, inForce, createLogger('info', { write: line => { lines.push(JSON.parse(line)) } }), 5)
  await once(server, 'listening')
  const served = async () => {
    const socket = tlsConnect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', ca: [root.cert, other.cert] })
    await once(socket, 'secureConnect')
    const { serialNumber } = socket.getPeerX509Certificate()!
    socket.destroy()
    return serialNumber
  }
  const serial = ({ cert }: Pair) => new X509Certificate(cert).serialNumber
  const logged = async (message: RegExp, count: number) => {
    const found = () => lines.filter(({ msg }) => message.test(String(msg)))
    while (found().length < count) await wait(5)
    return found()
  }

  t.equal(await served(), serial(first))
  replace('cert', second.cert)
  t.match(await logged(/stay in force/, 1), [{ level: 'warn', msg: /ECTX_TLS_CERT and ECTX_TLS_KEY: .* are no pair .* stay in force/ }])
  t.equal(await served(), serial(first))
  replace('key', second.key)
  t.match(await logged(/^the TLS files have changed/, 1), [{ level: 'info' }])
  t.equal(await served(), serial(second))

  replace('key', 'c4n4ry')
  t.match((await logged(/stay in force/, 2))[1], { level: 'warn', msg: /ECTX_TLS_KEY: .* must be a PEM private key/ })
  t.equal(await served(), serial(second))
  t.notMatch(JSON.stringify(lines), /c4n4ry|BEGIN/)

  replace('key', first.key)
  replace('cert', first.cert)
  while (await served() !== serial(first)) await wait(5)
})

t.test('files that cannot be used stop the start, with what to do', async t => {
  const { paths } = files(t, first, root.cert)
  const messages = {
    cert: /^ECTX_TLS_CERT: .* must be a PEM certificate$/,
    key: /^ECTX_TLS_KEY: .* must be a PEM private key without a passphrase$/,
    ca: /^ECTX_TLS_CA: .* must be a PEM certificate$/
  }
  const noPem = `${t.testdirName}/no-pem`
  writeFileSync(noPem, 'c4n4ry')
  for (const name of ['cert', 'key', 'ca'] as const) {
    t.throws(() => readTls({ ...paths, [name]: noPem }), { message: messages[name] })
    t.throws(() => readTls({ ...paths, [name]: `${noPem}-absent` }), { message: /^ECTX_TLS_.*-absent cannot be read \(ENOENT\): it does not exist$/ })
  }
  writeFileSync(paths.key, second.key)
  t.throws(() => readTls(paths), { message: /^ECTX_TLS_CERT and ECTX_TLS_KEY: .* no pair/ })
})
