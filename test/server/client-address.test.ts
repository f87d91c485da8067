import fastify from 'fastify'
import t, { type Test } from 'tap'
import { clientAddresses, findClientAddress } from '../../src/server/client-address.js'
import { bearer, OPERATOR, withTokens } from '../support/callers.js'
import { PATH, startGateway } from '../support/gateway.js'

const PROXY = '10.0.0.1'

/** Answers what address a request is found to come from. */
async function startFinder (t: Test, trusted: readonly string[]) {
  const app = fastify()
  findClientAddress(app, clientAddresses(trusted))
  app.get('/', async ({ ip }) => ({ ip }))
  t.teardown(() => app.close())
  return async (headers: Record<string, string>, remoteAddress = PROXY): Promise<string> => (await app.inject({ url: '/', headers, remoteAddress })).json().ip
}

t.test('the address of a client is the one that the last trusted proxy says, in whatever form, and bare', async t => {
  const ask = await startFinder(t, ['10.0.0.0/8', 'fd00::/8', '::1'])
  const cases: Array<[xForwardedFor: string, address: string]> = [
    ['203.0.113.5', '203.0.113.5'],
    ['203.0.113.5:50000', '203.0.113.5'],
    ['"203.0.113.5:50000"', '203.0.113.5'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:DB8:0::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['"[2001:db8::1]:443"', '2001:db8::1'],
    ['[fe80::1%eth0]:443', 'fe80::1'],
    ['::ffff:203.0.113.5', '203.0.113.5'],
    ['[::ffff:203.0.113.5]:1', '203.0.113.5'],
    ['198.51.100.1, 203.0.113.5:1', '203.0.113.5'],
    ['198.51.100.1,203.0.113.5:1,10.1.2.3:99,[fd00::7]:1', '203.0.113.5'],
    ['10.1.2.3, 10.1.2.4', '10.1.2.3'],
    // What is no address is nobody's: the proxy that says so counts.
    ['', PROXY],
    ['unknown', PROXY],
    ['any text', PROXY],
    ['203.0.113.5, ', PROXY],
    ['203.0.113.5, 127.evil.com', PROXY],
    ['203.0.113.5, _hidden, 10.1.2.3', '10.1.2.3'],
    ['203.0.113.5:99:99', PROXY],
    ['[203.0.113.5', PROXY]
  ]
  for (const [header, address] of cases) t.equal(await ask({ 'x-forwarded-for': header }), address, header)
  t.equal(await ask({ 'x-forwarded-for': '203.0.113.5' }, '::ffff:10.9.9.9'), '203.0.113.5', 'of a proxy whose address is mapped')
  t.equal(await ask({ 'x-forwarded-for': '203.0.113.5' }, '::1'), '203.0.113.5')
})

t.test('Forwarded says it where there is no X-Forwarded-For', async t => {
  const ask = await startFinder(t, ['10.0.0.0/8'])
  const cases: Array<[forwarded: string, address: string]> = [
    ['for=203.0.113.5', '203.0.113.5'],
    ['For="203.0.113.5:50000"', '203.0.113.5'],
    ['for=203.0.113.5:50000', '203.0.113.5'],
    ['for="[2001:db8::1]:443";proto=https;by=10.0.0.1', '2001:db8::1'],
    ['for=[2001:db8::1]', '2001:db8::1'],
    ['proto=https ; FOR="[2001:db8::1]:_port"', '2001:db8::1'],
    ['for=198.51.100.1, for=203.0.113.5;host="a,b;c\\"d" , for=10.1.2.3', '203.0.113.5'],
    ['for=203.0.113.5, for=_hidden', PROXY],
    ['for=203.0.113.5, for=unknown', PROXY],
    ['for=203.0.113.5, proto=https', PROXY],
    ['for=198.51.100.1;for=203.0.113.5', PROXY],
    // Begun by a client so that the proxy's part looks like a part of its own.
    ['for=198.51.100.1;x=", for="[2001:db8::1]"', PROXY],
    ['for="198.51.100.1, for=203.0.113.5', PROXY],
    ['for=198.51.100.1;x="\\, for=203.0.113.5', PROXY],
    ['', PROXY],
    ['203.0.113.5', PROXY]
  ]
  for (const [header, address] of cases) t.equal(await ask({ forwarded: header }), address, header)
  t.equal(await ask({ forwarded: 'for=198.51.100.1', 'x-forwarded-for': '203.0.113.5' }), '203.0.113.5')
})

t.test('whoever is no trusted proxy is believed nothing', async t => {
  for (const trusted of [[], ['10.0.0.0/8']]) {
    const ask = await startFinder(t, trusted)
    for (const [name, value] of [['x-forwarded-for', '127.0.0.1'], ['forwarded', 'for=127.0.0.1']] as const) t.equal(await ask({ [name]: value }, '::ffff:192.0.2.1'), '192.0.2.1')
  }
})

t.test('the audit log has that address', async t => {
  const { app } = await startGateway(t, undefined, { ...withTokens(t), ECTX_TRUSTED_PROXIES: '127.0.0.1' })
  const ask = (headers: Record<string, string>) => app.inject({ url: `${PATH}/exec-x`, remoteAddress: '::ffff:127.0.0.1', headers: { ...headers, ...bearer('wrong') } })
  await ask({})
  await ask({ 'x-forwarded-for': '203.0.113.5:50000' })
  await ask({ forwarded: 'for="[2001:db8::1]:443"' })
  await ask({ 'x-forwarded-for': 'any text' })
  const { events } = (await app.inject({ url: '/v1/audit-events', headers: bearer(OPERATOR) })).json()
  const failed = events.filter(({ event }: { event: string }) => event === 'authentication_failed')
  t.same(failed.map((event: Record<string, unknown>) => event.remote_address), ['127.0.0.1', '203.0.113.5', '2001:db8::1', '127.0.0.1'])
})
