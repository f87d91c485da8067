import t from 'tap'
import { FailedAuthentications, type FailedAuthentication } from '../../src/auth/failed-authentications.js'
import { until } from '../support/until.js'

/** `told` holds what is told: one by one without a count. */
function create (windowMs?: number) {
  const told: Array<FailedAuthentication & { count?: number }> = []
  const failures = new FailedAuthentications((failure, count) => told.push({ ...failure, ...(count !== undefined && { count }) }), windowMs)
  const fail = (remoteAddress: string | undefined, times: number) => { for (let turn = 0; turn < times; turn++) failures.add({ requestId: 'r', remoteAddress }) }
  const counts = () => told.filter(({ count }) => count !== undefined)
  return { failures, told, fail, counts }
}

t.test('20 failures of an address are told one by one, and how many more there were when the minute ends', async t => {
  const { failures, told, fail, counts } = create()
  fail('192.0.2.1', 20)
  t.same(told, Array(20).fill({ requestId: 'r', remoteAddress: '192.0.2.1' }))
  fail('192.0.2.1', 5)
  fail('192.0.2.2', 1)
  t.equal(told.length, 21)
  failures.flush()
  t.same(counts(), [{ remoteAddress: '192.0.2.1', count: 5 }])
  failures.flush()
  fail('192.0.2.1', 20)
  t.equal(told.length, 42, 'and the next minute begins anew')
})

t.test('the minute ends by itself', async t => {
  const { fail, counts } = create(10)
  fail('192.0.2.1', 22)
  t.same(counts(), [])
  await until(async () => counts().length > 0)
  t.same(counts(), [{ remoteAddress: '192.0.2.1', count: 2 }])
})

t.test('IPv6 addresses count by their /64', async t => {
  const { failures, told, fail, counts } = create()
  fail('2001:db8:1:2::1', 10)
  fail('2001:db8:1:2:ffff:ffff:ffff:ffff', 11)
  fail('2001:db8:1:3::1', 1)
  t.equal(told.length, 21)
  failures.flush()
  t.same(counts(), [{ remoteAddress: '2001:db8:1:2::1', count: 1 }])
})

t.test('of more than 10,000 addresses the others count together', async t => {
  const { failures, told, fail, counts } = create()
  for (let index = 0; index < 10_000; index++) fail(`10.0.${index >> 8}.${index & 255}`, 1)
  fail('192.0.2.1', 15)
  fail('192.0.2.2', 15)
  fail('10.0.0.0', 19)
  t.equal(told.length, 10_000 + 20 + 19)
  failures.flush()
  t.same(counts(), [{ remoteAddress: undefined, count: 10 }])
})
