import t from 'tap'
import { AuditRelay } from '../../../src/audit/audit-relay.js'
import { systemClock } from '../../../src/clock.js'
import { memorySupports as supports } from '../../../src/engines/memory/memory.js'
import { MemoryJournal } from '../../../src/engines/memory/memory-journal.js'
import { MemoryOutbox } from '../../../src/engines/memory/memory-outbox.js'
import { testAudit } from '../../audit/conformance.js'
import { numbers, recordAll, recorded } from '../../audit/support.js'

const open = (journal: MemoryJournal) => new AuditRelay(new MemoryOutbox(systemClock), journal)

testAudit(t, { name: 'memory', supports, open: async () => open(new MemoryJournal()) })

t.test('the latest events are kept, and no more than twice as many as they should be', async t => {
  const log = open(new MemoryJournal(5))
  await recordAll(log, numbers(1, 10))
  t.same(await recorded(log), numbers(1, 10).map(String))
  const { nextPageToken } = await log.query({ pageSize: 3 })
  await recordAll(log, [11])
  t.same(await recorded(log), numbers(7, 11).map(String))
  t.same(await recorded(log, { contextId: '6' }), [])
  t.equal((await log.query({ pageSize: 1, pageToken: nextPageToken })).events[0]?.sequence, 7, 'a page goes on behind what went')
})
