import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newDataDir } from '../support/data-dir.js'
import { buildLibrary, countCalls, failOnce, type Failure } from './failing-calls.js'

const RUNS = 12
const KINDS: readonly Failure[] = ['EIO', 'EIO', 'ENOSPC', 'EMFILE', 'EIO', 'delay']

t.test(`${RUNS} times a call of the file system fails: what was answered is so afterwards, and the log tells of it`, async t => {
  const place = newDataDir(t)
  const library = buildLibrary(place)
  if (library === undefined) return t.comment('there is no C compiler here')
  const calls = await countCalls(library, place)
  t.ok(calls > 50, `${calls} calls can fail`)
  for (let run = 0; run < RUNS; run++) {
    // Over the whole range, and another place in each of its parts for each kind.
    const at = 1 + Math.floor((run + 0.37) * calls / RUNS)
    const failure = KINDS[run % KINDS.length]!
    t.same(await failOnce({ library, dataDir: mkdtempSync(join(place, 'run-')), at, failure }), [], `${failure} at ${at}`)
  }
})
