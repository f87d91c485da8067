import { parseArgs } from 'node:util'
import { SYSTEM } from '../auth/caller.js'
import { systemClock } from '../clock.js'
import { loadConfig } from '../config/config.js'
import type { Engine } from '../engines/engine.js'
import { openEngine } from '../engines/open-engine.js'
import { GatewayError } from '../errors.js'
import { executionContextKind } from '../kinds/execution-context/kind.js'
import { KeyRing } from '../secrets/ring.js'
import { Trees } from '../secrets/trees.js'
import { vaultOf } from '../secrets/vault.js'
import type { Check, Doubts } from '../storage/integrity.js'
import { findDoubts } from '../upkeep/find-doubts.js'
import { wasDeleted } from '../upkeep/keep-whole.js'
import type { Progress } from './copy/progress.js'
import { UsageError } from './usage.js'

export const USAGE = `Usage: npm run check-store [-- --accept]

Looks whether the store in ECTX_DATA_DIR (./data) holds what was committed last, by its proof and its audit log,
and names what was lost, brought back or changed. Stop the gateway first; it looks by itself when it starts.

  --accept  takes what the store holds as what it should hold: what cannot be read or was deleted before goes, and
            what is lost is given up. The audit log tells of it. Restore a backup instead where you have one

It ends with 0 where the store is whole, or was accepted, 1 where it is not, and 2 where it could not be looked at.
`

interface Result {
  readonly text: string
  readonly isWhole: boolean
}

/**
 * Does as `args` say. `undefined` where they ask for help.
 * @throws {UsageError | GatewayError | ConfigError} that says what to do
 */
export async function checkStoreCommand (
  args: readonly string[], environment: NodeJS.ProcessEnv, progress: Progress, warn: (message: string) => void
): Promise<Result | undefined> {
  const { accept, help } = parse(args)
  if (help) return undefined
  const config = loadConfig(environment)
  if (config.store !== 'embedded') {
    throw new GatewayError('failed_precondition', 'only the embedded store is checked so: PostgreSQL checks its pages itself')
  }
  const engine = await openEngine(config, systemClock, warn)
  try {
    const ring = await KeyRing.open({ store: engine.keys, mayBegin: false })
    const { problem, check, doubts } = await examine(engine, ring, progress)
    if (problem === undefined) return { text: `whole: ${count(check!.found)} records\n`, isWhole: true }
    const text = tell(problem, check, doubts)
    if (!accept) return { text, isWhole: false }
    progress.begin('accepting', 0)
    const left = await engine.integrity!.accept(ring, doubts.wrong, () => progress.add(1_000))
    progress.end()
    await engine.audit.record({ event: 'accepted_store', caller: SYSTEM, outcome: 'ok', count: Math.max(1, left) })
    return { text: `${text}accepted: ${count(left)} records\n`, isWhole: true }
  } finally {
    await engine.close()
  }
}

function parse (args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: { accept: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the arguments cannot be read')
  }
}

interface Examined {
  readonly problem: string | undefined
  readonly check: Check | undefined
  readonly doubts: Doubts
}

async function examine ({ store, audit, integrity, trees }: Engine, ring: KeyRing, progress: Progress): Promise<Examined> {
  const kind = executionContextKind.name
  await ring.current()
  // The key that proves may be lost for ever, and another ring begun.
  const proved = await integrity!.prove(ring, record => wasDeleted(audit, kind, record)).catch(error => GatewayError.from(error).message)
  progress.begin('checking ', 0)
  const check = proved === undefined ? await integrity!.check(() => progress.add(1_000)) : undefined
  progress.end()
  const problem = proved ?? problemOf(check!)
  if (problem === undefined) return { problem, check, doubts: { accounted: new Set(), lost: [], wrong: [] } }
  return { problem, check, doubts: await findDoubts({ integrity: integrity!, store, audit, vault: vaultOf(ring, new Trees(trees)), kind }) }
}

function problemOf ({ isWhole, isIndexed }: Check): string | undefined {
  if (!isWhole) return 'it does not hold what was committed last'
  return isIndexed ? undefined : 'its indexes lead past records, or to none'
}

function tell (problem: string, check: Check | undefined, { lost, wrong }: Doubts): string {
  const named = [
    ...lost.map(({ id, slug }) => `lost: ${id}${slug === undefined ? '' : ` (${slug})`}`),
    ...wrong.map(({ id }) => `deleted before, or changed: ${id}`),
    ...(check?.damaged ?? []).map(({ kind, id }) => `cannot be read: ${kind} ${id}`)
  ]
  return `not whole: ${problem}\n${named.map(line => `${line}\n`).join('')}`
}

const count = (value: number) => value.toLocaleString('en-US')
