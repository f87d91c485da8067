import { GatewayError } from '../errors.js'

/** Whatever made LevelDB fail, as `unavailable` (or `internal`, where data is damaged) with what an operator can do. */
export function unavailable (cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'LEVEL_CORRUPTION') return new GatewayError('internal', 'the store has a damaged block; restore it from a backup', { cause })
  return new GatewayError('unavailable', 'the store cannot work now; try again, and see the log for its reason', { cause })
}

/** Why the database at `directory` did not open, with what to do. */
export function cannotOpen (directory: string, thrown: unknown): GatewayError {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const text = cause instanceof Error ? cause.message : ''
  const because = code === 'LEVEL_LOCKED'
    ? 'another process has it open; stop that process or set ECTX_DATA_DIR to another directory'
    : /EACCES|EPERM|permission denied/i.test(code + text)
      ? 'this user may not write there; change its owner or set ECTX_DATA_DIR to another directory'
      : /EROFS|read-only/i.test(code + text)
        ? 'its file system is read-only; set ECTX_DATA_DIR to a directory that can be written'
        : /ENOSPC|no space/i.test(code + text)
          ? 'its disk is full; free some space'
          : /ENOTDIR|EEXIST|not a directory/i.test(code + text)
            ? 'a file is in the way; set ECTX_DATA_DIR to a directory'
            : code === 'LEVEL_CORRUPTION'
              ? 'its files are damaged; restore them from a backup'
              : 'see the cause'
  return new GatewayError('unavailable', `cannot open the data directory ${directory}: ${because}`, { cause: thrown })
}
