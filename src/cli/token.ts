import { readVariables } from '../config/variables.js'
import { tokenCommand, USAGE } from './token-command.js'
import { tellFailure } from './usage.js'

// The token alone on standard output, so that a script can take it from there.
try {
  const made = await tokenCommand(process.argv.slice(2), readVariables(process.env).values.ECTX_TOKENS_FILE)
  if (made === undefined) process.stdout.write(USAGE)
  else {
    process.stdout.write(`${made.token}\n`)
    process.stderr.write(`\nThis token is not shown again. ${made.note}\n`)
  }
} catch (error) {
  tellFailure('token', USAGE, error)
  process.exitCode = 1
}
