import { ConfigError } from '../config/variables.js'
import { progressOn } from './copy/progress.js'
import { storeCopyCommand, USAGE } from './store-copy-command.js'
import { tellFailure, UsageError } from './usage.js'

// What it makes is for its own user alone, as what the gateway makes.
process.umask(0o077)

const tell = (line: string) => process.stderr.write(`store:copy: ${line}\n`)
const ending = new AbortController()
// The second time it ends at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())

try {
  const outcome = await storeCopyCommand(process.argv.slice(2), process.env, {
    progress: progressOn(process.stderr), warn: tell, signal: ending.signal
  })
  process.stdout.write(outcome?.text ?? USAGE)
  for (const problem of outcome?.problems ?? []) tell(problem)
  if (outcome !== undefined && outcome.problems.length > 0) process.exitCode = 1
} catch (error) {
  tellFailure('store:copy', USAGE, error)
  process.exitCode = error instanceof UsageError || error instanceof ConfigError ? 2 : 1
}
