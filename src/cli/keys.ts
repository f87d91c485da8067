import { ConfigError } from '../config/variables.js'
import { keysCommand, USAGE } from './keys-command.js'
import { tellFailure, UsageError } from './usage.js'

try {
  process.stdout.write(await keysCommand(process.argv.slice(2), process.env))
} catch (error) {
  tellFailure('keys', USAGE, error)
  process.exitCode = error instanceof UsageError || error instanceof ConfigError ? 2 : 1
}
