import type { Test } from 'tap'
import type { Open } from './conformance.js'
import { newEvent, numbers, recordAll, recorded } from './support.js'

const ID = 'exec-7'

export function testAuditQueries (t: Test, open: Open): void {
  /** Sixty events of six contexts in turn, of which each two belong to one execution. */
  async function filled (t: Test) {
    const log = await open(t)
    for (const number of numbers(0, 59)) {
      await log.record(newEvent(`exec-${number % 6 + 4}`, { execution_id: `run-${number % 3}`, request_id: String(number) }))
    }
    return log
  }

  t.test('find the events of a context, of an execution, of both, or all, oldest first', async t => {
    const log = await filled(t)
    const requests = async (query: object) => (await log.query({ pageSize: 100, ...query })).events.map(record => Number(record.request_id))
    const all = numbers(0, 59)
    t.same(await requests({ contextId: ID }), all.filter(number => number % 6 === 3))
    t.same(await requests({ executionId: 'run-1' }), all.filter(number => number % 3 === 1))
    t.same(await requests({ contextId: ID, executionId: 'run-0' }), all.filter(number => number % 6 === 3))
    t.same(await requests({ contextId: ID, executionId: 'run-1' }), [])
    t.same(await requests({}), all)
    t.same(await requests({ contextId: 'exec-' }), [], 'an id that another begins with is another')
    const [record] = (await log.query({ contextId: ID, pageSize: 1 })).events
    t.match(record, { sequence: 4, event: 'revealed', context_id: ID, execution_id: 'run-0', caller: { name: 'runner' } })
  })

  t.test('go through pages of any size without a gap and without an empty last page', async t => {
    const log = await filled(t)
    for (const query of [{ contextId: ID }, { executionId: 'run-0' }, {}]) {
      const whole = await recorded(log, query)
      for (const pageSize of [1, 2, 3, 7, 10, 20, 60]) {
        const tokens: string[] = []
        for (let pageToken: string | undefined; ;) {
          const { events, nextPageToken } = await log.query({ ...query, pageSize, pageToken })
          t.ok(events.length === pageSize || nextPageToken === undefined)
          if (nextPageToken === undefined) break
          tokens.push(pageToken = nextPageToken)
        }
        t.equal(tokens.length, Math.ceil(whole.length / pageSize) - 1, `${whole.length} by ${pageSize}`)
        t.same(await recorded(log, query, pageSize), whole)
      }
    }
  })

  t.test('of an empty log answer one empty page', async t => {
    const { events, nextPageToken } = await (await open(t)).query({ pageSize: 1 })
    t.same(events, [])
    t.equal(nextPageToken, undefined)
  })

  t.test('go on where the page before ended, whatever was written meanwhile', async t => {
    const log = await filled(t)
    const { nextPageToken } = await log.query({ contextId: ID, pageSize: 5 })
    await recordAll(log, Array(30).fill(ID))
    t.equal((await log.query({ contextId: ID, pageSize: 100, pageToken: nextPageToken })).events.length, 35)
  })

  t.test('refuse a page token that is none of ours', async t => {
    const log = await filled(t)
    const { nextPageToken: ours } = await log.query({ pageSize: 5 })
    for (const pageToken of ['', 'x', '../../x', '-1', `${ours}=`, ` ${ours}`, `${ours}\n`, '9'.repeat(400), 'MQ', '\0']) {
      await t.rejects(log.query({ pageSize: 1, pageToken }), { code: 'invalid_argument', violations: [{ pointer: '/page_token' }] }, JSON.stringify(pageToken))
    }
  })

  t.test('find an event as soon as it is recorded, whole', async t => {
    const log = await open(t)
    await recordAll(log, [1, 2, 1])
    t.same(await recorded(log, { contextId: '1' }), ['1', '1'])
    const keys = numbers(1, 1_000).map(number => `KEY_${number}_`.padEnd(253, 'X'))
    await Promise.all(numbers(3, 9).map(number => log.record(newEvent(String(number), { keys }))))
    const [record] = (await log.query({ contextId: '5', pageSize: 2 })).events
    t.same(record!.keys, keys.slice(0, 16), 'with as many names as take 4 KiB')
    t.equal(record!.keys_left_out, 984)
    t.same(await recorded(log), ['1', '2', '1', ...numbers(3, 9).map(String)])
  })

  t.test('are bounded in bytes, and proved', async t => {
    const log = await open(t)
    const keys = ['X'.repeat(4_000)]
    await Promise.all(numbers(1, 600).map(number => log.record(newEvent(String(number), { keys }))))
    const page = await log.query({ pageSize: 1_000 })
    t.ok(page.verified)
    t.ok(page.events.length > 200 && page.events.length < 270)
    t.ok(JSON.stringify(page.events).length < 1_100_000)
    const all = await recorded(log, {}, 1_000)
    t.same(all.map(Number).sort((a, b) => a - b), numbers(1, 600))
    t.ok((await log.query({ pageSize: 10, contextId: '600' })).verified)
  })

  t.test('find all that was recorded before them, while more is', async t => {
    const log = await open(t)
    for (const count of numbers(1, 50)) {
      const recording = recordAll(log, [ID, 'other'])
      const found = await recorded(log, { contextId: ID })
      t.ok(found.length >= count - 1 && found.length <= count)
      await recording
    }
    t.same(await recorded(log), numbers(1, 100).map(number => number % 2 === 1 ? ID : 'other'))
  })
}
