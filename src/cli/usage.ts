import { ConfigError } from '../config/variables.js'
import { GatewayError } from '../errors.js'

/** It is unclear what a command should do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Says why `command` failed: in a line where that is known, with its `usage` where it is unclear what it should do. */
export function tellFailure (command: string, usage: string, error: unknown): void {
  const known = error instanceof UsageError || error instanceof GatewayError || error instanceof ConfigError
  process.stderr.write(`${command}: ${known ? error.message : error instanceof Error ? error.stack : error}\n`)
  if (error instanceof UsageError) process.stderr.write(`\n${usage}`)
}
