import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { RING_NOTE_KIND } from '../../src/upkeep/tell-of-ring.js'
import { OPERATOR, VIEWER } from '../support/callers.js'
import { TestClock } from '../support/clock.js'
import { newDataDir } from '../support/data-dir.js'
import { timedGateway, type Open } from '../support/timed-gateway.js'
import { Follower } from './feed.js'

/** The tokens of those that any gateway knows here, by their names. */
export const TOKENS: Readonly<Record<string, string>> = { runner: OPERATOR, other: `ectx_${'p'.repeat(43)}`, auditor: VIEWER }

export type Real = Awaited<ReturnType<typeof startReal>>

/** A gateway on the engine that `open` opens, which many sequences of commands act on, one after the other. */
export async function startReal (t: Test, open: Open) {
  const dataDir = newDataDir(t)
  const env = { ECTX_DATA_DIR: dataDir, ECTX_TOKENS_FILE: join(dataDir, 'tokens.json') }
  const entries = Object.entries(TOKENS).map(([name, token]) =>
    ({ name, sha256: hash('sha256', token), role: name === 'auditor' ? 'viewer' : 'operator' }))
  writeFileSync(env.ECTX_TOKENS_FILE, JSON.stringify(entries))

  const clock = new TestClock()
  let gateway = await timedGateway(t, { open, env, clock })

  const begin = await gateway.store.feed.last()

  return {
    clock,
    follower: new Follower(),
    /** Where the events begin that it has ever had. */
    firstPosition: async () => begin,
    ask: (...asked: Parameters<typeof gateway.ask>) => gateway.ask(...asked),
    sweep: () => gateway.sweep(),
    close: () => gateway.close(),

    async restart () {
      await gateway.close()
      gateway = await timedGateway(t, { open, env, clock })
    },

    /** Sweeps at that time, by which all that there is has expired. Answers of how many kinds there is something then. */
    async empty (time: number): Promise<number> {
      clock.time = time
      await this.sweep()
      gateway.lines.length = 0
      return [...await gateway.store.kinds()].filter(kind => kind !== RING_NOTE_KIND).length
    }
  }
}
