import { constants, copyFile, link } from 'node:fs/promises'
import { GatewayError } from '../../../errors.js'
import { fileProblem, isAbsent } from '../../../files/file-problem.js'

/** Told how far a backup, or what brings it back, is. */
export interface Steps {
  begin (what: string, total: number): void
  add (count: number): void
  end (): void
}

/** Has `to` hold what `from` does, which nobody ever writes to again: both are one file, where the file system lets them be. */
export async function share (from: string, to: string): Promise<void> {
  await about(to, () => link(from, to).catch(error => {
    if (isAbsent(error)) throw error
    return copyFile(from, to, constants.COPYFILE_EXCL)
  }))
}

/** Does `work` with `file`. @throws `unavailable` that names it; but what the system says where something is not there */
export async function about<T> (file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof GatewayError || isAbsent(cause)) throw cause
    throw new GatewayError('unavailable', `cannot copy ${file}${fileProblem(cause)}`, { cause })
  }
}
