import type { Test } from 'tap'
import type { AuditLog } from '../../src/audit/audit-log.js'
import { hashOf, NO_LINE } from '../../src/audit/event.js'
import type { Supports } from '../../src/engines/engine.js'
import { newDataDir } from '../support/data-dir.js'
import { testAuditQueries } from './conformance-queries.js'
import { newEvent, numbers, recordAll, recorded } from './support.js'

/** An engine's audit logs under test; what `supports` declares is tested, and no more. */
export interface AuditEngine {
  readonly name: string
  readonly supports: Supports
  open (directory: string): Promise<AuditLog>
}

/** A log of the engine, in a place of its own or in the one given, closed when the test ends. */
export type Open = (t: Test, directory?: string) => Promise<AuditLog>

/** Every event, which must be a chain: in order, without a gap, each with the hash of the one before. */
async function chainOf (t: Test, log: AuditLog) {
  const { events } = await log.query({ pageSize: 100_000 })
  t.same(events.map(({ sequence }) => sequence), events.map((_, index) => index + 1))
  t.same(events.map(({ previous }) => previous), [NO_LINE, ...events.map(event => hashOf(JSON.stringify(event)))].slice(0, events.length))
  return events
}

/** Holds `engine` to every promise of the `AuditLog` contract. */
export function testAudit (t: Test, engine: AuditEngine): void {
  const open: Open = async (t, directory = newDataDir(t)) => {
    const log = await engine.open(directory)
    t.teardown(() => log.close())
    return log
  }

  t.test(`${engine.name}: an event is kept with all it has, its place and its time`, async t => {
    const log = await open(t)
    const full = newEvent('a', { event: 'denied', slug: 'my-run', keys: ['A', 'B'], request_id: 'req-1', remote_address: '::1', outcome: 'permission_denied', key_id: 'k1', count: 2 })
    const bare = { event: 'started', caller: { name: 'system', kind: 'system' }, outcome: 'ok' } as const
    const before = Date.now()
    for (const event of [full, bare]) await log.record(event)
    const events = await chainOf(t, log)
    const times = events.map(({ time }) => new Date(time))
    t.same(times.map(time => time.toISOString()), events.map(({ time }) => time))
    t.ok(times.every(time => Number(time) >= before && Number(time) <= Date.now()))
    t.same(events.map(({ sequence, previous, time, commit, gateway, ...event }) => event), [full, bare])
  })

  t.test(`${engine.name}: no caller can forge an event`, async t => {
    const log = await open(t)
    const forged = '"}\n{"sequence":2,"previous":"' + '0'.repeat(64) + '","event":"deleted"}\n\u2028\u0001'
    const caller = { name: forged, kind: forged as 'token' }
    const event = newEvent(forged, { slug: forged, execution_id: forged, request_id: forged, keys: [forged], caller })
    await log.record(event)
    t.match(await chainOf(t, log), [event])
    t.equal((await log.query({ executionId: forged, pageSize: 9 })).events.length, 1)
  })

  t.test(`${engine.name}: many at once are each recorded exactly once, in order`, async t => {
    const log = await open(t)
    let settled = 0
    const places = await Promise.all(numbers(0, 2_999).map(async id => {
      await log.record(newEvent(String(id)))
      return settled++
    }))
    t.same(places, numbers(0, 2_999), 'and are acknowledged in order')
    t.same((await chainOf(t, log)).map(event => event.context_id), numbers(0, 2_999).map(String))
  })

  t.test(`${engine.name}: what is recorded eventually keeps its place among what is waited for`, async t => {
    const log = await open(t)
    for (const id of numbers(1, 20)) {
      if (id % 3 === 0) await log.record(newEvent(String(id)))
      else log.recordEventually(newEvent(String(id)))
    }
    t.same((await chainOf(t, log)).map(event => event.context_id), numbers(1, 20).map(String), 'and is found by the next query')
  })

  t.test(`${engine.name}: close refuses everything that comes after it`, async t => {
    const log = await open(t)
    const accepted = log.record(newEvent('1'))
    await accepted
    const closing = log.close()
    for (const moment of ['at once', 'when it is done']) {
      for (const late of [() => log.record(newEvent('3')), () => log.admit(), () => log.query({ pageSize: 1 })]) {
        await t.rejects(async () => { await late() }, { code: 'unavailable' }, `${moment}: ${late}`)
      }
      t.doesNotThrow(() => log.recordEventually(newEvent('4')))
      await Promise.all([closing, log.close()])
    }
  })

  if (engine.supports.durable) {
    t.test(`${engine.name}: the chain goes on over restarts`, async t => {
      const directory = newDataDir(t)
      for (const id of numbers(1, 3)) {
        const log = await open(t, directory)
        await log.record(newEvent(String(id)))
        await log.close()
      }
      t.same((await chainOf(t, await open(t, directory))).map(event => event.context_id), ['1', '2', '3'])
    })

    t.test(`${engine.name}: close writes what was recorded`, async t => {
      const directory = newDataDir(t)
      const log = await open(t, directory)
      await log.record(newEvent('1'))
      log.recordEventually(newEvent('2'))
      await log.close()
      t.same((await chainOf(t, await open(t, directory))).map(event => event.context_id), ['1', '2'])
    })

    t.test(`${engine.name}: an event can be found after a restart`, async t => {
      const directory = newDataDir(t)
      const log = await open(t, directory)
      await recordAll(log, [1, 2, 1])
      await log.close()
      const next = await open(t, directory)
      await recordAll(next, [1])
      t.same(await recorded(next, { contextId: '1' }), ['1', '1', '1'])
      await recordAll(next, numbers(3, 20))
      t.same(await recorded(next, { contextId: '1' }), ['1', '1', '1'])
      t.same(await recorded(next, { executionId: 'run of 2' }), ['2'])
    })
  }

  t.test(`${engine.name}: queries`, async t => testAuditQueries(t, open))
}
