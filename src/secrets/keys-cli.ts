import { GatewayError } from '../errors.js'
import { keysCommand, USAGE, UsageError } from './keys-command.js'

try {
  process.stdout.write(await keysCommand(process.argv.slice(2), process.env))
} catch (error) {
  const known = error instanceof UsageError || error instanceof GatewayError
  process.stderr.write(`keys: ${known ? error.message : error instanceof Error ? error.stack : error}\n`)
  if (error instanceof UsageError) process.stderr.write(`\n${USAGE}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
