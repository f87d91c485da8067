import { GatewayError } from '../errors.js'
import { ConfigError, readVariables } from '../config/variables.js'
import { tokenCommand, USAGE, UsageError } from './token-command.js'

// The token alone on standard output, so that a script can take it from there.
try {
  const made = await tokenCommand(process.argv.slice(2), readVariables(process.env).values.ECTX_TOKENS_FILE)
  if (made === undefined) process.stdout.write(USAGE)
  else {
    process.stdout.write(`${made.token}\n`)
    process.stderr.write(`\nThis token is not shown again. ${made.note}\n`)
  }
} catch (error) {
  const known = error instanceof UsageError || error instanceof GatewayError || error instanceof ConfigError
  process.stderr.write(`token: ${known ? error.message : error instanceof Error ? error.stack : error}\n`)
  if (error instanceof UsageError) process.stderr.write(`\n${USAGE}`)
  process.exitCode = 1
}
