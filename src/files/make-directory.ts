import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isAbsent } from './file-problem.js'

/**
 * Makes `directory` and those that lead to it, for this user alone, where they are absent.
 * @throws what the system says of the first that cannot be made. Node's own recursive mkdir tells of a read-only disk that
 * something does not exist, and comes to no end in /proc
 */
export async function makeDirectory (directory: string): Promise<void> {
  if (await isDirectory(directory)) return
  try {
    await mkdir(directory, { mode: 0o700 })
  } catch (error) {
    // Another process may have been faster, also in making the parent.
    if (await isDirectory(directory)) return
    if (!isAbsent(error)) throw error
    const parent = dirname(directory)
    if (!await isDirectory(parent)) await makeDirectory(parent)
    await mkdir(directory, { mode: 0o700 }).catch(async again => { if (!await isDirectory(directory)) throw again })
  }
}

async function isDirectory (path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}
