import promises, { open, type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openAuditFiles } from '../../../../src/engines/embedded/audit/audit-files.js'
import { verify } from '../../../../src/engines/embedded/audit/verify.js'
import { MemoryOutbox } from '../../../../src/engines/memory/memory-outbox.js'
import { newEvent, numbers, recorded } from '../../../audit/support.js'
import { TestClock } from '../../../support/clock.js'
import { newDataDir } from '../../../support/data-dir.js'

const OF_HANDLES = ['write', 'appendFile', 'writeFile', 'read', 'truncate', 'sync', 'datasync', 'stat'] as const
const OF_PATHS = ['open', 'rename', 'rm', 'readdir', 'stat', 'readFile', 'mkdir'] as const

type Call = (...args: unknown[]) => Promise<unknown>

/** Has the call of that number fail, from now until the test ends, before or after it was done. Answers how many there were. */
async function failing (t: Test, number: number, isDone: boolean): Promise<() => number> {
  const handle = await open('/dev/null')
  const ofHandles = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  let calls = 0
  const originals: Array<() => void> = []
  const places: Array<[object: object, names: readonly string[]]> = [[ofHandles, OF_HANDLES], [promises, OF_PATHS]]
  for (const [object, names] of places) {
    const methods = object as Record<string, Call>
    for (const name of names) {
      const call = methods[name]!
      methods[name] = async function (this: unknown, ...args: unknown[]) {
        const isIt = ++calls === number
        const done = !isIt || (isDone && name !== 'open') ? await call.apply(this, args) : undefined
        if (isIt) throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: name })
        return done
      }
      originals.push(() => { methods[name] = call })
    }
  }
  syncBuiltinESMExports()
  t.teardown(() => {
    for (const restore of originals) restore()
    syncBuiltinESMExports()
  })
  return () => calls
}

/** What a gateway does with its log, over a file that is full and packed and one that is not. Answers the ids that were acknowledged. */
async function work (directory: string, outbox: MemoryOutbox, clock: TestClock): Promise<string[]> {
  const acknowledged: string[] = []
  const log = await openAuditFiles(outbox, { directory, clock, retryMs: 1, maxFileBytes: 70_000 })
  const slug = 'X'.repeat(5_000)
  try {
    for (const batch of [numbers(1, 8), numbers(9, 16), numbers(17, 20), numbers(21, 24)]) {
      outbox.add([newEvent(`committed ${batch[0]}`)])
      acknowledged.push(`committed ${batch[0]}`)
      await Promise.all(batch.map(async id => {
        await log.record(newEvent(String(id), { slug })).then(() => acknowledged.push(String(id)), () => {})
      }))
      await log.query({ pageSize: 3 }).catch(() => {})
      await log.query({ pageSize: 3, contextId: '1' }).catch(() => {})
    }
  } finally {
    await log.close()
  }
  return acknowledged
}

for (const isDone of [false, true]) {
  t.test(`each call of the file system that fails once, ${isDone ? 'though it was done' : 'and was not done'}, leaves what was acknowledged in a whole log`, async t => {
    let failed = 0
    for (let number = 1, isReached = true; isReached; number++) {
      await t.test(`number ${number}`, async t => {
        const directory = join(newDataDir(t), 'audit')
        const clock = new TestClock()
        const outbox = new MemoryOutbox(clock)
        let acknowledged: string[] = []
        await t.test('once', async t => {
          const count = await failing(t, number, isDone)
          // Where it cannot be opened, nothing is acknowledged.
          acknowledged = await work(directory, outbox, clock).catch(() => [])
          isReached = count() >= number
        })
        failed++
        const again = await openAuditFiles(outbox, { directory, clock, maxFileBytes: 70_000 })
        const found = await recorded(again, {}, 1_000)
        t.ok((await again.query({ pageSize: 1_000 })).verified)
        await again.close()
        t.same(acknowledged.filter(id => !found.includes(id)), [], 'nothing is missing')
        t.same((await verify(directory)).problems, [])
      })
    }
    t.ok(failed > 20, `${failed} calls`)
  })
}
