import { GatewayError } from '../../../errors.js'
import { damaged } from '../../../storage/refusals.js'

/** Why LevelDB failed at `key`: `internal` where its block is damaged, else `unavailable`, with what an operator can do. */
export function storeFailure (cause: unknown, key?: string): GatewayError {
  if (cause instanceof GatewayError) return cause
  if (codeOf(cause) !== 'LEVEL_CORRUPTION') return new GatewayError('unavailable', 'the store cannot work now; try again, and see the log for its reason', { cause })
  if (key === undefined) return new GatewayError('internal', 'the store has a damaged block; restore it from a backup', { cause })
  return damaged(key.slice(key.lastIndexOf('\0') + 1), cause)
}

/** What makes a directory unfit, by the code or the text of the error, and what to do about it. */
const OBSTACLES: ReadonlyArray<[sign: RegExp, advice: string]> = [
  [/LEVEL_LOCKED/, 'another process has it open; stop that process or set ECTX_DATA_DIR to another directory'],
  [/LEVEL_CORRUPTION/, 'its files are damaged; restore them from a backup'],
  [/EACCES|EPERM|permission denied|not permitted/i, 'this user may not write there; change its owner or set ECTX_DATA_DIR to another directory'],
  [/EROFS|read-only/i, 'its file system is read-only; set ECTX_DATA_DIR to a directory that can be written'],
  [/ENOSPC|EDQUOT|EFBIG|no space|quota|too large/i, 'its disk is full; free some space'],
  [/ENOTDIR|EEXIST|not a directory/i, 'a file is in the way; set ECTX_DATA_DIR to a directory']
]

/** Why the database at `directory` did not open, with what to do. */
export function cannotOpen (directory: string, thrown: unknown): GatewayError {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown
  const reason = `${codeOf(cause)} ${cause instanceof Error ? cause.message.replace(directory, '') : ''}`
  const advice = OBSTACLES.find(([sign]) => sign.test(reason))?.[1] ?? reason
  return new GatewayError('unavailable', `cannot open the data directory ${directory}: ${advice}`, { cause: thrown })
}

const codeOf = (error: unknown): string => error instanceof Error && 'code' in error ? String(error.code) : ''
