import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { BenchError } from './bench-error.js'
import { runBlock } from './block.js'
import { buildOfCommit, buildOfThisCheckout } from './builds.js'
import { WrongAnswer } from './client.js'
import type { Triple } from './comparison.js'
import { commitOf } from './export-commit.js'
import { known } from './known.js'
import type { Measure } from './measures.js'
import type { AgainstOptions } from './options.js'
import { planOf, secondsOf } from './plan.js'
import { report } from './report.js'
import { tokensJson } from './tokens.js'

const OVERLOADED = 503
/** How many times longer than was said it may take before no more processes are started. */
const PATIENCE = 4

const tell = (text: string) => process.stderr.write(`${text}\n`)
const minutes = (seconds: number) => seconds < 90 ? `${Math.ceil(seconds / 10) * 10} seconds` : `${Math.round(seconds / 60)} minutes`

/** Compares this checkout with another commit and prints what it found. @throws {BenchError} where that cannot be done */
export async function compareWithCommit ({ rev, processes, measures: asked }: AgainstOptions, quick: boolean): Promise<void> {
  const commit = await commitOf('.', rev)
  // In the working directory: where temporary files go is memory on many machines.
  const directory = resolve(mkdtempSync('.bench-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }))
  const data = `${directory}/data`
  const tokensFile = `${directory}/tokens.json`
  writeFileSync(tokensFile, tokensJson)

  tell(`building ${commit}`)
  const other = await buildOfCommit(commit, `${directory}/that`)
  const own = buildOfThisCheckout(`${directory}/this`)
  // Whatever differs between the two of this checkout is chance.
  const builds = [other, own, own] as const
  const measures = await known([other, own], asked, data, tokensFile, tell)
  const plan = planOf(measures, quick)
  const about = processes * secondsOf(plan, builds.length)
  tell(`${processes} processes of ${commit} beside ${2 * processes} of this checkout: about ${minutes(about)} on two idle cores`)

  const results = new Map<Measure, Triple[]>(measures.map(measure => [measure, []]))
  const began = performance.now()
  for (let block = 0; block < processes; block++) {
    try {
      const [that, one, again] = await runBlock(builds, plan, block, data, tokensFile)
      for (const [measure, found] of results) {
        found.push({ other: that!.get(measure)!, one: one!.get(measure)!, again: again!.get(measure)! })
      }
    } catch (error) {
      if (!(error instanceof WrongAnswer) || error.status !== OVERLOADED) throw error
      tell('a gateway refused for too much load: these processes do not count; let the machine do nothing else')
    }
    const seconds = (performance.now() - began) / 1000
    const left = seconds / (block + 1) * (processes - block - 1)
    tell(`${block + 1} of ${processes}${left > 0 ? `, about ${minutes(left)} left` : ''}`)
    if (left === 0 || seconds < about * PATIENCE) continue
    tell('this takes too long: no more processes')
    break
  }
  const { length } = results.get(measures[0]!)!
  if (length === 0) throw new BenchError('nothing could be measured')
  const how = `Node ${process.version}; ${length} processes of ${commit} (${rev}), ${2 * length} of this checkout.`
  process.stdout.write(`${how} 64 connections, of createAlone one.\n\n${report(results, commit)}\n`)
}
