import { parseArgs } from 'node:util'
import { loadConfig } from '../config/config.js'
import { restore } from '../engines/embedded/backup/restore.js'
import { assertEmbedded } from './assert-embedded.js'
import type { Progress } from './copy/progress.js'
import { UsageError } from './usage.js'

export const USAGE = `Usage: npm run restore -- --from <directory>

Brings what npm run backup made back into ECTX_DATA_DIR (./data), where there must be no store, ring, trees or audit
log, and ECTX_KEYRING_FILE, where that is set. It refuses a backup that is damaged, or of a newer version. Until all is
there no gateway starts on it: stopped, it is gone on with when it is run again. The audit log tells of it.

What was deleted since lives again, and what was created since is lost. Set the root key that the gateway had then.
It ends with 0 where all is there, 1 where nothing was restored, and 2 for wrong usage.
`

/**
 * Does as `args` say, and answers what was done. `undefined` where they ask for help.
 * @throws {UsageError | GatewayError | ConfigError} that says what to do
 */
export async function restoreCommand (
  args: readonly string[], environment: NodeJS.ProcessEnv, steps: Progress, warn: (message: string) => void
): Promise<string | undefined> {
  const { from, help } = parse(args)
  if (help) return undefined
  if (!from) throw new UsageError('--from is missing: the directory of a backup')
  const { store, dataDir, keyRing } = loadConfig(environment)
  assertEmbedded(store)
  const { records, time } = await restore({ from, dataDir, keyRing, steps, warn })
  return `${dataDir}: ${records.toLocaleString('en-US')} records, as they were backed up at ${time}\n`
}

function parse (args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: { from: { type: 'string' }, help: { type: 'boolean', short: 'h' } } }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the arguments cannot be read')
  }
}
