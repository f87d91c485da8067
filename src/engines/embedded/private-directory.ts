import { chmod, stat } from 'node:fs/promises'
import { makeDirectory } from '../../files/make-directory.js'
import { cannotOpen } from './level/level-errors.js'

const OTHERS = 0o077
const STICKY = 0o1000

/**
 * Makes `directory` where it is absent, for this user alone. One that is there, and that others may enter, is closed to
 * them if it is this user's own; a sticky one, such as `/tmp`, is for all by intent and stays so.
 * @throws `unavailable` with what to do about it
 */
export async function makePrivate (directory: string): Promise<void> {
  try {
    await makeDirectory(directory)
    const { mode, uid } = await stat(directory)
    if ((mode & OTHERS) !== 0 && (mode & STICKY) === 0 && uid === process.getuid?.()) await chmod(directory, 0o700)
  } catch (error) {
    throw cannotOpen(directory, error)
  }
}
