import fc from 'fast-check'
import t from 'tap'
import { clientNetwork } from '../../src/http/client-network.js'

t.test('an IPv4 address is a client, however it is written', async t => {
  for (const address of ['203.0.113.5', '::ffff:203.0.113.5', '::FFFF:203.0.113.5']) t.equal(clientNetwork(address), '203.0.113.5')
})

t.test('of IPv6 the first half is, with or without "::"', async t => {
  t.equal(clientNetwork('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  t.equal(clientNetwork('2001:db8:1:2::'), '2001:db8:1:2::/64')
  t.equal(clientNetwork('2001:db8::6'), '2001:db8:0:0::/64')
  t.equal(clientNetwork('::1'), '0:0:0:0::/64')
  t.equal(clientNetwork('::'), '0:0:0:0::/64')
  t.equal(clientNetwork('fe80::1%eth0'), 'fe80:0:0:0::/64')

  const group = fc.integer({ min: 0, max: 0xffff })
  fc.assert(fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), fc.array(group, { minLength: 4, maxLength: 4 }), (address, others) => {
    const text = (groups: number[]) => groups.map(group => group.toString(16)).join(':')
    // As URLs write it, with the longest run of zeros left out.
    const short = new URL(`http://[${text(address)}]`).hostname.slice(1, -1)
    t.equal(clientNetwork(short), clientNetwork(text(address)))
    t.equal(clientNetwork(text([...address.slice(0, 4), ...others])), clientNetwork(text(address)))
    t.equal(clientNetwork(text(address)), `${text(address.slice(0, 4))}::/64`)
  }))
})

t.test('what is no address is a client of its own', async t => {
  t.equal(clientNetwork(''), '')
})
