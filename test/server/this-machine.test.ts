import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { PATH, startGateway } from '../support/gateway.js'

const URL = `${PATH}/exec-x`

t.test('without credentials only this machine itself is served', async t => {
  for (const ECTX_TRUSTED_PROXIES of ['', '127.0.0.1']) {
    const { app } = await startGateway(t, undefined, { ECTX_TRUSTED_PROXIES })
    const ask = async (headers: Record<string, string> = {}, remoteAddress = '127.0.0.1') => (await app.inject({ url: URL, remoteAddress, headers })).statusCode

    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) t.equal(await ask({}, address), 404, address)
    for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1']) t.equal(await ask({}, address), 401, address)

    for (const host of ['localhost:8080', '127.0.0.1', '[::1]:8080', 'LOCALHOST', '[::ffff:127.0.0.1]', '[0:0:0:0:0:0:0:1]:1', '127.0.0.2:8080']) t.equal(await ask({ host }), 404, host)
    for (const host of [
      'ectx.test', 'localhost.evil.test', '127.0.0.1.evil.test', '192.0.2.1', '[2001:db8::1]:8080', '::ffff:127.evil.com', '[::ffff:127.evil.com]', '127.evil.com:8080',
      'localhost:8080@evil.test', 'evil.test#localhost', 'localhost:evil', 'localhost, evil.test', '0x7f.1', '2130706433', '127.1', '0.0.0.0:8080', '::1', '[::1', '[::1].evil.test'
    ]) t.equal(await ask({ host }), 401, host)
    t.equal(await ask({ host: 'evil.test', 'x-forwarded-host': 'localhost' }), 401, 'what a header says of the host')

    for (const header of [
      'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port', 'x-forwarded-server', 'x-forwarded-prefix', 'x-forwarded', 'X_Forwarded_For', 'via',
      'x-real-ip', 'x-client-ip', 'x-cluster-client-ip', 'client-ip', 'true-client-ip', 'cf-connecting-ip', 'cf-ray', 'cdn-loop', 'fastly-client-ip', 'fly-client-ip',
      'x-original-url', 'x-original-host', 'x-originating-ip', 'x-remote-addr', 'x-remote-ip', 'x-envoy-external-address', 'x-azure-clientip', 'x-appengine-user-ip', 'x-amzn-trace-id', 'proxy-connection', 'x-proxyuser-ip'
    ]) for (const value of ['127.0.0.1', '']) t.equal(await ask({ [header]: value }), 401, header)
    for (const header of ['user-agent', 'accept', 'x-request-id', 'traceparent', 'cookie', 'referer', 'sec-fetch-mode', 'x-stainless-os', 'priority']) t.equal(await ask({ [header]: 'x' }), 404, header)
  }
})

t.test('nor what a web page of another origin asks for', async t => {
  const { app } = await startGateway(t)
  const ask = async (headers: Record<string, string>) => (await app.inject({ url: URL, headers: { host: 'localhost:8080', ...headers } })).statusCode
  t.equal(await ask({ origin: 'http://localhost:8080', 'sec-fetch-site': 'same-origin' }), 404)
  t.equal(await ask({ host: '[::1]:8080', origin: 'http://[::1]:8080' }), 404)
  for (const site of ['same-origin', 'none']) t.equal(await ask({ 'sec-fetch-site': site }), 404, site)
  for (const site of ['cross-site', 'same-site', '', 'none, cross-site', 'anything']) t.equal(await ask({ 'sec-fetch-site': site }), 401, site)
  for (const origin of ['null', '', 'http://evil.test', 'http://localhost:3000', 'http://localhost', 'https://localhost:8080', 'http://127.0.0.1:8080', 'http://localhost:8080.evil.test', 'http://localhost:8080, http://evil.test', 'file://']) {
    t.equal(await ask({ origin }), 401, origin)
    t.equal(await ask({ origin, 'sec-fetch-site': 'same-origin' }), 401, origin)
  }
})

t.test('the host is the one on the wire: one Host, and of a target that is a URL the same', async t => {
  const { app } = await startGateway(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const send = async (target: string, ...headers: string[]) => {
    const socket = connect(port, '127.0.0.1')
    socket.write([`GET ${target} HTTP/1.1`, ...headers, 'Connection: close', '', ''].join('\r\n'))
    return Number((await text(socket)).split(' ')[1])
  }
  const local = `Host: 127.0.0.1:${port}`
  t.equal(await send(URL, local), 404)
  t.equal(await send(`http://127.0.0.1:${port}${URL}`, local), 404)
  const refused: string[][] = [
    [URL, local, 'Host: evil.test'],
    [URL, 'Host: evil.test', local],
    [URL, local, local],
    [URL, 'Host:'],
    [`http://evil.test${URL}`, local],
    [`http://evil.test:${port}${URL}`, local],
    [`http://127.0.0.1:${port}@evil.test${URL}`, local],
    [`http://localhost:${port}${URL}`, 'Host: evil.test']
  ]
  for (const [target = '', ...headers] of refused) t.equal(await send(target, ...headers), 401, `${target} ${headers}`)
})
