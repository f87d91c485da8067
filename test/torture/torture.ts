import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import { buildLibrary, countCalls, failOnce, FAILURES, type Failure } from './failing-calls.js'
import { flipBits } from './flips.js'
import { killOften } from './kills.js'

// `npm run torture [-- --flips 2000] [--calls all] [--kills 200]`: turns bits of a stopped gateway's files, fails each call of the file
// system once, and kills a gateway that is written to. It takes hours. Ends with 1 where an answer, the store and the log did not agree.

const { values: { flips, calls, kills } } = parseArgs({
  options: {
    flips: { type: 'string', default: '2000' },
    calls: { type: 'string', default: 'all' },
    kills: { type: 'string', default: '200' }
  }
})
const place = mkdtempSync(join(tmpdir(), 'ectx-torture-'))
const wrong: string[] = []

async function shown<T> (what: string, total: number, work: (step: () => void) => Promise<T>): Promise<T> {
  const bar = new SingleBar({ stream: process.stderr, format: '{what} [{bar}] {value} of {total} | {eta_formatted} left' })
  bar.start(total, 0, { what })
  try {
    return await work(() => bar.increment())
  } finally {
    bar.stop()
  }
}

try {
  const runs = Number(flips)
  const flipped = await shown('turning bits ', runs, onRun => flipBits({ runs, place, random: Math.random, onRun }))
  wrong.push(...flipped.wrong)
  console.table(flipped.table)

  const library = buildLibrary(place)
  if (library === undefined) throw new Error('a C compiler, cc, is needed')
  const most = await countCalls(library, place)
  const every = calls === 'all' ? 1 : Math.ceil(most / Number(calls))
  const numbers = Array.from({ length: Math.ceil(most / every) }, (_, index) => 1 + index * every)
  const kinds = Object.keys(FAILURES) as Failure[]
  const failed = await shown('failing calls', numbers.length * kinds.length, async step => {
    const table = []
    for (const failure of kinds) {
      let contradictions = 0
      for (const at of numbers) {
        const dataDir = mkdtempSync(join(place, 'run-'))
        const found = await failOnce({ library, dataDir, at, failure })
        contradictions += found.length
        wrong.push(...found.map(what => `${failure} at call ${at}: ${what}`))
        rmSync(dataDir, { recursive: true, force: true })
        step()
      }
      table.push({ failure, calls: numbers.length, contradictions })
    }
    return table
  })
  console.table(failed)

  const rounds = Number(kills)
  const killed = await shown('kills        ', rounds, onRound => killOften({ rounds, onRound }))
  wrong.push(...killed.wrong)
  console.table(killed.table)
} finally {
  rmSync(place, { recursive: true, force: true })
}
for (const what of wrong) console.log(what)
console.log(`${wrong.length} answers were wrong`)
process.exitCode = wrong.length === 0 ? 0 : 1
