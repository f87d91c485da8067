import { resolve } from 'node:path'
import { GatewayError } from '../../../errors.js'
import { damaged } from '../../../storage/refusals.js'

/** Why LevelDB failed at `key`: `internal` where its block is damaged, else `unavailable`, with what an operator can do. */
export function storeFailure (cause: unknown, key?: string): GatewayError {
  if (cause instanceof GatewayError) return cause
  if (codeOf(cause) !== 'LEVEL_CORRUPTION') {
    return new GatewayError(
      'unavailable',
      'the store cannot work now; try again, and see the log for its reason',
      { cause }
    )
  }
  if (key === undefined) return new GatewayError('internal', 'the store has a damaged block; restore it from a backup', { cause })
  return damaged(key.slice(key.lastIndexOf('\0') + 1), cause)
}

const NO_ROOM = /ENOSPC|EDQUOT|EFBIG|no space|quota|too large/i

/** Whether the disk has no room, as far as an error of LevelDB's or Node's, or what it was caused by, says. */
export function isOutOfRoom (thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause) if (NO_ROOM.test(`${codeOf(error)} ${error.message}`)) return true
  return false
}

/** What makes a directory unfit, by the code or LevelDB's text, and what to do about it. */
const OBSTACLES: ReadonlyArray<[sign: RegExp, advice: string]> = [
  [/LEVEL_LOCKED/, 'another process has it open; stop that process or set ECTX_DATA_DIR to another directory'],
  [/LEVEL_CORRUPTION/, 'its files are damaged; restore them from a backup'],
  [
    /EACCES|EPERM|permission denied|not permitted/i,
    `this user may not write there; change its owner to uid ${process.getuid?.()} or set ECTX_DATA_DIR to another directory`
  ],
  [/EROFS|read-only/i, 'its file system is read-only; set ECTX_DATA_DIR to a directory that can be written'],
  [NO_ROOM, 'its disk is full; free some space'],
  [/ENOTDIR|EEXIST|not a directory/i, 'a file is in the way, or a link that leads nowhere; set ECTX_DATA_DIR to a directory'],
  [/EMFILE|ENFILE|too many open files/i, 'too many files are open; raise the limit, `ulimit -n`'],
  [/ELOOP|too many levels of symbolic links/i, 'links lead in a circle; set ECTX_DATA_DIR to a directory'],
  [/ENAMETOOLONG|name too long/i, 'the name is too long; set ECTX_DATA_DIR to a shorter one'],
  [/ENOENT|no such file/i, 'no directory can be made there; set ECTX_DATA_DIR to another'],
  [/EIO|input\/output error/i, 'its disk fails; set ECTX_DATA_DIR to a directory on another']
]

/** Why the database at `directory` did not open, with what to do. */
export function cannotOpen (directory: string, thrown: unknown): GatewayError {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown
  const text = cause instanceof Error ? cause.message.replaceAll(directory, '') : ''
  // A message of Node's names a path, which may look like any of the signs; a code of its own says enough.
  const reason = cause instanceof Error && 'syscall' in cause ? codeOf(cause) : `${codeOf(cause)} ${text}`
  const advice = thrown instanceof GatewayError
    ? thrown.message
    : OBSTACLES.find(([sign]) => sign.test(reason))?.[1] ?? `${codeOf(cause)} ${text}`
  return new GatewayError('unavailable', `cannot open the data directory ${resolve(directory)}: ${advice}`, { cause: thrown })
}

const codeOf = (error: unknown): string => error instanceof Error && 'code' in error ? String(error.code) : ''
