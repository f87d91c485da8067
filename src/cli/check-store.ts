import { checkStoreCommand, USAGE } from './check-store-command.js'
import { progressOn } from './copy/progress.js'
import { tellFailure } from './usage.js'

// What it makes is for its own user alone, as what the gateway makes.
process.umask(0o077)

try {
  const warn = (message: string) => process.stderr.write(`check-store: ${message}\n`)
  const result = await checkStoreCommand(process.argv.slice(2), process.env, progressOn(process.stderr), warn)
  process.stdout.write(result?.text ?? USAGE)
  process.exitCode = result?.isWhole === false ? 1 : 0
} catch (error) {
  tellFailure('check-store', USAGE, error)
  process.exitCode = 2
}
