import { join } from 'node:path'
import { ChainCheck, type Verification } from '../../../audit/chain-check.js'
import { isAbsent, listFiles, readLines } from './files.js'
import { HEAD_FILE, readHead } from './head.js'

export interface FilesVerification extends Verification {
  readonly files: number
  /** The sequence of the first line: more than 1 where older files are no longer kept. */
  readonly first?: number
}

/**
 * Reads the whole log in `directory`, also while it is being written, and tells where it is not as it was written. A
 * chain does not withstand somebody who writes all of it, and its head, anew.
 */
export async function verify (directory: string): Promise<FilesVerification> {
  const head = await readHead(directory)
  const files = await listFiles(directory).catch(error => {
    if (isAbsent(error)) return []
    throw error
  })
  const check = new ChainCheck(head)
  let lines = 0
  for (const [index, { name, first }] of files.entries()) {
    let line = 0
    for await (const { bytes, whole } of readLines(join(directory, name))) {
      line++
      if (whole) {
        lines++
        check.line(name, line, bytes, first)
      } else if (index < files.length - 1) {
        // Only the last line of all may be half written.
        check.report(name, line, 'is cut off')
      }
    }
  }
  check.end(HEAD_FILE)
  return { files: files.length, lines, first: check.first, problems: check.problems }
}
