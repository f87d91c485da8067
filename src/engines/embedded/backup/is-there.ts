import { lstat } from 'node:fs/promises'
import { isAbsent } from '../../../files/file-problem.js'

/** Whether something is at `path`, if only a link that leads nowhere. */
export const isThere = (path: string): Promise<boolean> => lstat(path).then(() => true, error => {
  if (isAbsent(error)) return false
  throw error
})
