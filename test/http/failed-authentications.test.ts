import t, { type Test } from 'tap'
import { GatewayError } from '../../src/errors.js'
import { FailedAuthentications } from '../../src/http/failed-authentications.js'

function create () {
  let now = 0
  const failures = new FailedAuthentications(() => now)
  const note = (address: string, times: number) => { for (let turn = 0; turn < times; turn++) failures.count(address) }
  return { failures, note, pass: (milliseconds: number) => { now += milliseconds } }
}

/** How many seconds `address` must wait; 0 where it need not. */
function waitOf (t: Test, failures: FailedAuthentications, address: string): number | undefined {
  try {
    failures.check(address)
    return 0
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    t.equal(error.code, 'resource_exhausted')
    return error.retryAfterSeconds
  }
}

t.test('an address that failed more than 20 times within a minute must wait', async t => {
  const { failures, note, pass } = create()
  t.equal(waitOf(t, failures, '192.0.2.1'), 0)
  note('192.0.2.1', 20)
  t.equal(waitOf(t, failures, '192.0.2.1'), 0)
  pass(10_000)
  note('192.0.2.1', 1)
  t.equal(waitOf(t, failures, '192.0.2.1'), 50)
  t.equal(waitOf(t, failures, '192.0.2.2'), 0)
  pass(49_999)
  t.equal(waitOf(t, failures, '192.0.2.1'), 1)
  pass(1)
  t.equal(waitOf(t, failures, '192.0.2.1'), 0)
})

t.test('any minute counts, not only whole ones', async t => {
  const { failures, note, pass } = create()
  note('192.0.2.1', 1)
  pass(50_000)
  note('192.0.2.1', 19)
  pass(20_000)
  t.equal(waitOf(t, failures, '192.0.2.1'), 0)
  note('192.0.2.1', 2)
  t.equal(waitOf(t, failures, '192.0.2.1'), 40)
})

t.test('IPv6 addresses count by their /64, mapped ones as the IPv4 address', async t => {
  const { failures, note } = create()
  note('2001:db8:1:2::1', 10)
  note('2001:db8:1:2:ffff:ffff:ffff:ffff', 10)
  note('2001:DB8:1:2:0:0:0:3', 1)
  t.ok(waitOf(t, failures, '2001:db8:1:2:abcd::9'))
  t.equal(waitOf(t, failures, '2001:db8:1:3::1'), 0)
  note('::ffff:192.0.2.1', 21)
  t.ok(waitOf(t, failures, '192.0.2.1'))
  t.equal(waitOf(t, failures, '::ffff:192.0.2.2'), 0)
})

t.test('what is no address counts together', async t => {
  const { failures, note } = create()
  for (const address of ['', 'unknown', 'x'.repeat(10_000)]) note(address, 7)
  t.ok(waitOf(t, failures, 'something else'))
})

t.test('it remembers 10,000 addresses: those that failed last', async t => {
  const { failures, note } = create()
  const address = (index: number) => `10.0.${index >> 8}.${index & 255}`
  note(address(0), 20)
  note(address(1), 21)
  for (let index = 2; index < 10_000; index++) note(address(index), 1)
  note(address(0), 1)
  t.ok(waitOf(t, failures, address(1)))
  note(address(10_000), 1)
  t.equal(waitOf(t, failures, address(1)), 0)
  t.ok(waitOf(t, failures, address(0)))
})
