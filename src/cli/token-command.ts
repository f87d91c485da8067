import { hash, randomBytes } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../clock.js'
import { GatewayError } from '../errors.js'
import { fileProblem, isAbsent } from '../files/file-problem.js'
import { tokenEntries, type TokenEntry } from '../auth/token-entries.js'
import { addTokenEntry } from './token-file.js'
import { UsageError } from './usage.js'

export const USAGE = `Usage: npm run token -- --name <name> --role operator|viewer [--expires-in 30d]

Makes a token for callers of the gateway and prints it, once: only its hash is kept.

  --name <name>       who holds it, as audit blocks name them
  --role <role>       operator may do everything, viewer reads without secrets
  --expires-in <time> how long it is in force, such as 90m, 12h or 30d; for ever where left out

The entry goes into the file that ECTX_TOKENS_FILE names, or is printed where that is not set.
`
const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 }

export interface MadeToken {
  readonly token: string
  /** What became of its entry, for people. */
  readonly note: string
}

/**
 * Makes the token that `args` ask for, and adds its entry to `tokensFile` where there is one.
 * @returns `undefined` where they ask for help
 * @throws {UsageError | GatewayError} that says what to do
 */
export async function tokenCommand (args: readonly string[], tokensFile: string | undefined): Promise<MadeToken | undefined> {
  const { name = '', role = '', help, 'expires-in': expiresIn } = parse(args)
  if (help) return undefined
  const token = `ectx_${randomBytes(32).toString('base64url')}`
  const entry = checked({ name, sha256: hash('sha256', token), role, ...(expiresIn !== undefined && { expires_at: expiry(expiresIn) }) })

  if (tokensFile) {
    await addTokenEntry(tokensFile, entry).catch(error => { throw notAdded(tokensFile, error) })
    return { token, note: `Added to ${tokensFile}; a running gateway takes it within a second.` }
  }
  return { token, note: `Add this entry to the JSON array in the file that ECTX_TOKENS_FILE names:\n\n${JSON.stringify(entry)}` }
}

function notAdded (file: string, cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return new GatewayError(cause.code, `ECTX_TOKENS_FILE: ${cause.message}`, { cause })
  const why = isAbsent(cause) ? `: there is no directory ${dirname(resolve(file))}; make it, or name a file elsewhere` : fileProblem(cause)
  return new GatewayError('unavailable', `ECTX_TOKENS_FILE: ${file} cannot be written${why}`, { cause })
}

function parse (args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      options: { name: text, role: text, 'expires-in': text, help: { type: 'boolean', short: 'h' } }
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the arguments cannot be read')
  }
}

function checked (entry: object): TokenEntry {
  try {
    return tokenEntries([entry])[0]!
  } catch (error) {
    throw new UsageError(GatewayError.from(error).message.replaceAll('entry 1: ', '--'))
  }
}

function expiry (duration: string): string {
  const [, count, unit] = /^([1-9]\d{0,4})([mhd])$/.exec(duration) ?? []
  if (count === undefined) throw new UsageError('--expires-in must be a number of minutes, hours or days such as 90m, 12h or 30d')
  return new Date(systemClock.now() + Number(count) * UNITS[unit as keyof typeof UNITS]).toISOString()
}
