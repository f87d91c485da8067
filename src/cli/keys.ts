import { GatewayError } from '../errors.js'
import { ConfigError } from '../config/variables.js'
import { keysCommand, USAGE, UsageError } from './keys-command.js'

try {
  process.stdout.write(await keysCommand(process.argv.slice(2), process.env))
} catch (error) {
  const isUnclear = error instanceof UsageError || error instanceof ConfigError
  const known = isUnclear || error instanceof GatewayError
  process.stderr.write(`keys: ${known ? error.message : error instanceof Error ? error.stack : error}\n`)
  if (error instanceof UsageError) process.stderr.write(`\n${USAGE}`)
  process.exitCode = isUnclear ? 2 : 1
}
