/** What the system's codes mean to who runs the gateway. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'this user has no right to it, or to a directory that leads to it',
  EPERM: 'this user has no right to it',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a file is in the way, where a directory should lead to it',
  EEXIST: 'something else is in its place',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
  EROFS: 'its file system is read-only',
  ENOSPC: 'its disk is full',
  EDQUOT: 'its disk is full for this user',
  EBUSY: 'it is in use, or mounted by itself: mount the directory that it is in',
  EMFILE: 'too many files are open: raise the limit, `ulimit -n`',
  ENFILE: 'too many files are open on this machine',
  EIO: 'its disk fails'
}

/** Why the system could not do something with a file, for people: its code in brackets, and what that means. Begins with a blank. */
export function fileProblem (error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
  return ` (${code})${code in REASONS ? `: ${REASONS[code]}` : ''}`
}

/** Whether the system says that a file, or a directory that should lead to it, is not there. */
export const isAbsent = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'
