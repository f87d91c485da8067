import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { DEFAULT_DATA_DIR } from '../config/places.js'
import { POSTGRES_URL } from '../config/values.js'
import { readVariables } from '../config/variables.js'
import type { EngineConfig } from '../engines/engine.js'
import { copyRecords, countOf, type Copied } from './copy/copy-records.js'
import { copyRing } from './copy/copy-ring.js'
import { copyTrees } from './copy/copy-trees.js'
import { Findings } from './copy/findings.js'
import { inWordsOf, type SideName } from './copy/in-words-of.js'
import type { Progress } from './copy/progress.js'
import { Side } from './copy/side.js'
import { verify, type Verified } from './copy/verify.js'
import { nameOf, parsePostgresUrl } from '../engines/postgres/postgres-url.js'
import { UsageError } from './usage.js'

export const USAGE = `Usage: npm run store:copy -- --from <place> --to <place>

Copies all contexts, what is kept of idempotency keys, and the key ring with its trees, from one store to another. Stop
all gateways first: it refuses where one has either side open. Stopped itself, at any time, it goes on when it is
run again. It overwrites nothing, and in the end reads both sides whole and compares them.

  --from, --to <place>         a data directory, as ECTX_DATA_DIR, or postgres://user@host/database?schema=ectx
  --from-root-key-file <file>  the root key that wraps the ring of that side, where the sides have not the same;
  --to-root-key-file <file>    else ECTX_ROOT_KEY is it, or ECTX_ROOT_KEY_FILE the file that holds it. A database
                               needs one; in a directory the ring is in clear where there is none

Others see the command line: leave a password out of it, and set PGPASSWORD, or write it into ~/.pgpass.
Secrets are copied sealed, as they are. The audit log stays where it was written, and so do the positions of
the change feed. It ends with 0 where both sides are the same, 1 where something is not, and 2 for wrong usage.
`

export interface Outcome {
  readonly text: string
  /** What is not as it should be, a line each. */
  readonly problems: readonly string[]
}

interface Surroundings {
  readonly progress: Progress
  readonly warn: (message: string) => void
  readonly signal: AbortSignal
}

/**
 * Copies as `args` say. `undefined` where they ask for help.
 * @throws {UsageError | GatewayError | ConfigError} that says what to do; what is copied until then stays
 */
export async function storeCopyCommand (
  args: readonly string[], environment: NodeJS.ProcessEnv, { progress, warn, signal }: Surroundings
): Promise<Outcome | undefined> {
  const options = parse(args)
  if (options.help) return undefined
  const [source, target] = [configOf('from', options, environment), configOf('to', options, environment)]
  await assertApart(source, target, environment)
  const from = await Side.open('from', source, warn)
  try {
    const to = await Side.open('to', target, warn)
    try {
      const findings = new Findings()
      const copying = { from, to, findings, progress, signal }
      const keys = await copyRing(from, to)
      await copyTrees(from, to, keys)
      const total = progress.isShown ? await countOf(from, signal) : 0
      const copied = await shown(progress, 'copying  ', total, () => copyRecords(copying, keys))
      const verified = await shown(progress, 'verifying', total, () => verify(copying))
      await to.accept(keys)
      // Asked last: what a damaged source says of itself keeps nothing back that can be read.
      const problem = await from.findProblem(keys)
      await Promise.all([from.assertAlone(), to.assertAlone()])
      const ofSource = problem === undefined ? [] : [`--from: ${problem}; see \`npm run check-store\``]
      return { text: summary(copied, verified), problems: [...problemsOf(findings), ...ofSource] }
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
}

type Options = ReturnType<typeof parse>

function parse (args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      options: { from: text, to: text, 'from-root-key-file': text, 'to-root-key-file': text, help: { type: 'boolean', short: 'h' } }
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the arguments cannot be read')
  }
}

function configOf (side: SideName, options: Options, environment: NodeJS.ProcessEnv): EngineConfig {
  const place = options[side]
  if (!place) throw new UsageError(`--${side} is missing: a data directory or the postgres://… URL of a database`)
  const { values } = readVariables(environment)
  const file = options[`${side}-root-key-file`]
  const { ECTX_ROOT_KEY, ECTX_ROOT_KEY_FILE } = file === undefined ? values : { ECTX_ROOT_KEY_FILE: file }
  const isDatabase = POSTGRES_URL.test(place)
  return {
    store: isDatabase ? 'postgres' : 'embedded',
    databaseUrl: isDatabase ? place : undefined,
    gatewayName: 'store-copy',
    dataDir: isDatabase ? DEFAULT_DATA_DIR : place,
    keyRing: {
      file: values.ECTX_KEYRING_FILE,
      rotationHours: values.ECTX_KEY_ROTATION_HOURS,
      root: { ECTX_ROOT_KEY, ECTX_ROOT_KEY_FILE }
    },
    // No old file goes by the way.
    auditDays: 36_500,
    auditMaxBytes: 0,
    auditBacklog: values.ECTX_AUDIT_BACKLOG
  }
}

async function assertApart (source: EngineConfig, target: EngineConfig, { ECTX_KEYRING_FILE: ring }: NodeJS.ProcessEnv): Promise<void> {
  const where = (side: SideName, { databaseUrl, dataDir }: EngineConfig) =>
    inWordsOf(side, async () => databaseUrl === undefined ? resolve(dataDir) : nameOf(parsePostgresUrl(databaseUrl)))
  if (await where('from', source) === await where('to', target)) throw new UsageError('--from and --to are the same')
  if (ring && source.store === 'embedded' && target.store === 'embedded') {
    throw new UsageError(
      'ECTX_KEYRING_FILE is one ring, and each directory needs its own: put the source\'s into its directory, and unset the variable'
    )
  }
}

async function shown<T> (progress: Progress, what: string, total: number, work: () => Promise<T>): Promise<T> {
  progress.begin(what, total)
  try {
    return await work()
  } finally {
    progress.end()
  }
}

const number = (value: number) => value.toLocaleString('en-US')

function summary ({ copied, there }: Copied, { counts, checksum }: Verified): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const kinds = [...counts].map(([kind, count]) => `${number(count)} ${kind}`).join(', ')
  return `copied ${number(copied)} records; ${number(there)} were there already\n` +
    `verified ${number(total)} records${kinds && ` (${kinds})`}, checksum sha256:${checksum}\n`
}

function problemsOf (findings: Findings): string[] {
  if (findings.count === 0) return []
  const told = `records that are not the same on both sides: ${number(findings.count)}; mend them, or begin anew with an empty target`
  return [...findings.lines(), told]
}
