import { SocketAddress } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { bareAddress, inNetworks, networkOf } from '../../src/auth/address.js'
import { isLoopback } from '../../src/auth/loopback.js'

t.test('an address has one form', async t => {
  const cases: Array<[text: string, bare: string | undefined]> = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::FFFF:7f00:1', '127.0.0.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::1', '::1'],
    ['::127.0.0.1', '::7f00:1'],
    ...['', 'unknown', '_hidden', '192.0.2.1:80', '[::1]', '192.0.2', '0x7f.1', '192.0.2.01', ' 192.0.2.1', 'localhost'].map((text): [string, undefined] => [text, undefined])
  ]
  for (const [text, bare] of cases) t.equal(bareAddress(text), bare, text)
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), text => {
    const bare = bareAddress(text)
    return bare !== undefined && bareAddress(bare) === bare && bareAddress(text.toUpperCase()) === bare
  }))
  fc.assert(fc.property(fc.ipV6(), text => {
    const { address } = new SocketAddress({ address: text, family: 'ipv6' })
    return bareAddress(address) === bareAddress(text)
  }))
})

t.test('an IPv6 address counts by its /64', async t => {
  t.equal(networkOf('2001:db8:1:2:3:4:5:6'), networkOf('2001:db8:1:2::1'))
  t.not(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'))
  t.equal(networkOf('192.0.2.1'), '192.0.2.1')
  t.equal(networkOf(''), '')
})

t.test('an address is in a network or is not', async t => {
  const isIn = inNetworks(['192.0.2.7', '10.0.0.0/8', '2001:db8::/32', '::ffff:198.51.100.0/120', 'FD00::1'])
  for (const address of ['192.0.2.7', '10.255.0.1', '2001:db8:ffff::1', '198.51.100.9', 'fd00::1']) t.ok(isIn(address), address)
  for (const address of ['192.0.2.8', '11.0.0.1', '2001:db9::1', '198.51.101.9', 'fd00::2', '', 'unknown']) t.notOk(isIn(address), address)
  t.notOk(inNetworks([])('127.0.0.1'))
})

t.test('loopback is a name and addresses, and nothing that only looks like them', async t => {
  for (const host of ['localhost', '127.0.0.1', '127.255.0.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:7f00:1']) t.ok(isLoopback(host), host)
  for (const host of ['', '127.evil.com', '::ffff:127.evil.com', '127.0.0.1.evil.com', 'localhost.evil.com', '0x7f.1', '2130706433', '127.1', '::2', '127::1', '::127.0.0.1', '::ffff:128.0.0.1', '0.0.0.0', '::']) t.notOk(isLoopback(host), host)
})
