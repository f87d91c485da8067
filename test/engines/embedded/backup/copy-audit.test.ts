import t from 'tap'
import { systemClock } from '../../../../src/clock.js'
import { openAuditFiles } from '../../../../src/engines/embedded/audit/audit-files.js'
import { verify } from '../../../../src/engines/embedded/audit/verify.js'
import { copyAudit } from '../../../../src/engines/embedded/backup/copy-audit.js'
import { MemoryOutbox } from '../../../../src/engines/memory/memory-outbox.js'
import { filesOf, newEvent, numbers, recordsOf, written } from '../../../audit/support.js'
import { newDataDir } from '../../../support/data-dir.js'
import { until } from '../../../support/until.js'

const EVENTS = 1_500

t.test('a log is cut before the first line of a later commit, also in a packed file', async t => {
  const from = newDataDir(t)
  const outbox = new MemoryOutbox(systemClock)
  const log = await openAuditFiles(outbox, { directory: from, maxFileBytes: 100_000 })
  for (const number of numbers(1, EVENTS)) {
    await outbox.append(newEvent(`context-${number}`))
    // One of no commit stands behind each third.
    if (number % 3 === 0) log.recordEventually(newEvent(`read-${number}`))
    if (number % 100 === 0) await written(log)
  }
  const packed = async () => (await filesOf(from)).filter(name => name.endsWith('.z')).length
  await until(async () => await packed() > 2)
  t.ok((await filesOf(from)).length > await packed(), 'not all of it')

  // Once beside what writes it, and once when it has ended.
  for (const isOver of [false, true]) {
    if (isOver) await log.close()
    for (const through of [1, 3, 700, 701, EVENTS - 1, EVENTS, EVENTS + 1]) {
      const to = newDataDir(t)
      await copyAudit(from, to, through)
      t.same((await verify(to)).problems, [], `through ${through}`)
      const commits = (await recordsOf(to)).flatMap(({ commit }) => commit ?? [])
      t.same(commits, numbers(1, Math.min(through, EVENTS)), `through ${through}`)
    }
  }
})
