import { ConfigError } from '../config/variables.js'
import { GatewayError } from '../errors.js'

/** It is unclear what a command should do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

function textOf (error: unknown): string {
  if (error instanceof GatewayError) return error.withoutLog
  if (error instanceof UsageError || error instanceof ConfigError) return error.message
  return error instanceof Error ? error.stack ?? error.message : String(error)
}

/** Says why `command` failed: in a line where that is known, with its `usage` where it is unclear what it should do. */
export function tellFailure (command: string, usage: string, error: unknown): void {
  process.stderr.write(`${command}: ${textOf(error)}\n`)
  if (error instanceof UsageError) process.stderr.write(`\n${usage}`)
}
