import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { loadConfig } from '../config/config.js'
import { backUp } from '../engines/embedded/backup/backup.js'
import { assertEmbedded } from './assert-embedded.js'
import type { Progress } from './copy/progress.js'
import { UsageError } from './usage.js'

export const USAGE = `Usage: npm run backup -- --to <directory> [--keys-in-clear]

Copies the store in ECTX_DATA_DIR (./data), its key ring and trees, and its audit log, all as after one commit, also
while the gateway runs. The copy is opened and proved. What is shredded later can be opened with it, and the root key.

  --to <directory>  is made, or is there and empty. It is a backup once it has backup.json: what was stopped is none.
                    On the file system of the store it shares the files that never change: take it to another
  --keys-in-clear   takes the keys along where no root key wraps them: then whoever has the backup has the secrets

Run it as the gateway's user, with its variables. npm run restore brings it back.
It ends with 0 where there is a backup, 1 where there is none, and 2 for wrong usage.
`

/**
 * Does as `args` say, and answers what was done. `undefined` where they ask for help.
 * @throws {UsageError | GatewayError | ConfigError} that says what to do
 */
export async function backupCommand (
  args: readonly string[], environment: NodeJS.ProcessEnv, steps: Progress, warn: (message: string) => void
): Promise<string | undefined> {
  const { to, help, 'keys-in-clear': keysInClear = false } = parse(args)
  if (help) return undefined
  if (!to) throw new UsageError('--to is missing: a directory')
  const { store, dataDir, keyRing } = loadConfig(environment)
  assertEmbedded(store)
  const { version } = createRequire(import.meta.url)('#package.json')
  const { records, files } = await backUp({ to, dataDir, keyRing, keysInClear, version, steps, warn })
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  return `${to}: ${count(records)} records, ${count(files.length)} files, ${count(bytes)} bytes\n`
}

function parse (args: readonly string[]) {
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...args], options: { to: { type: 'string' }, 'keys-in-clear': flag, help: { ...flag, short: 'h' } }
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the arguments cannot be read')
  }
}

const count = (value: number) => value.toLocaleString('en-US')
