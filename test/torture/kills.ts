import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Kills {
  readonly rounds: number
  readonly onRound: () => void
}

const MOST_SECONDS_A_ROUND = 60

/** Runs the test that kills a gateway among its writers, for so many rounds. Answers what it counted, and what it found wrong. */
export async function killOften ({ rounds, onRound }: Kills) {
  const { NODE_OPTIONS: _, ...env } = process.env
  const test = spawn(process.execPath, ['dist/test/process/crash.test.js'], {
    env: { ...env, CRASH_ROUNDS: String(rounds), TAP_TIMEOUT: String(MOST_SECONDS_A_ROUND * (rounds + 1)) },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(test, 'close')
  const wrong: string[] = []
  let answered = ''
  for await (const line of createInterface(test.stdout)) {
    const [, not, what = ''] = /^ *(not )?ok \d+ - (.*)/.exec(line) ?? []
    if (not !== undefined) wrong.push(what)
    else if (what.startsWith('round ')) onRound()
    else if (what.endsWith(' were answered')) answered = what
  }
  const [code] = await ended
  if (code !== 0 && wrong.length === 0) wrong.push(`the test of kills ended with ${code}`)
  return { table: [{ kills: rounds, answered, contradictions: wrong.length }], wrong }
}
