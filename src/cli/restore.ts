import { ConfigError } from '../config/variables.js'
import { restoreCommand, USAGE } from './restore-command.js'
import { progressOn } from './copy/progress.js'
import { tellFailure, UsageError } from './usage.js'

// What it makes is for its own user alone, as what the gateway makes.
process.umask(0o077)

try {
  const warn = (message: string) => process.stderr.write(`restore: ${message}\n`)
  process.stdout.write(await restoreCommand(process.argv.slice(2), process.env, progressOn(process.stderr), warn) ?? USAGE)
} catch (error) {
  tellFailure('restore', USAGE, error)
  process.exitCode = error instanceof UsageError || error instanceof ConfigError ? 2 : 1
}
