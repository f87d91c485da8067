import { join } from 'node:path'
import { ChainCheck, type Verification } from '../../../audit/chain-check.js'
import type { HeadCheck } from '../../../audit/head-check.js'
import { isAbsent, listFiles, packed, readLines, type Named } from './files.js'
import { HEAD_FILE, readHead } from './head.js'
import { PackedFile } from './packed-file.js'

export interface FilesVerification extends Verification {
  readonly files: number
  /** The sequence of the first line: more than 1 where older files are no longer kept. */
  readonly first?: number
}

/**
 * Reads the whole log in `directory`, also while it is being written, and tells where it is not as it was written. A
 * chain does not withstand somebody who writes all of it, and its head, anew: what was signed before, `heads`, does.
 */
export async function verify (directory: string, heads?: HeadCheck): Promise<FilesVerification> {
  const head = await readHead(directory)
  const files = await listFiles(directory).catch(error => {
    if (isAbsent(error)) return []
    throw error
  })
  const check = new ChainCheck(head, heads?.of())
  let lines = 0
  for (const [index, file] of files.entries()) {
    const read = (named: Named) => named.isPacked
      ? verifyPacked(check, directory, named)
      : verifyLines(check, directory, named, index === files.length - 1)
    lines += await read(file).catch(error => {
      if (file.isPacked || !isAbsent(error)) throw error
      // Packed meanwhile.
      return read(packed(file))
    })
  }
  check.end(HEAD_FILE)
  return { files: files.length, lines, first: check.first, problems: check.problems }
}

async function verifyLines (check: ChainCheck, directory: string, { name, first }: Named, isLast: boolean): Promise<number> {
  let [line, lines] = [0, 0]
  for await (const { bytes, whole } of readLines(join(directory, name))) {
    line++
    if (whole) {
      lines++
      check.line(name, line, bytes, first)
    } else if (!isLast) {
      // Only the last line of all may be half written.
      check.report(name, line, 'is cut off')
    }
  }
  return lines
}

async function verifyPacked (check: ChainCheck, directory: string, { name, first }: Named): Promise<number> {
  const file = await PackedFile.open(join(directory, name)).catch(error => {
    if (isAbsent(error)) throw error
    check.unreadable(name, 0, Infinity, `cannot be read: ${error.message}`)
  })
  if (file === undefined) return 0
  if (!file.isIndexed) check.report(name, 0, 'has a damaged index, which costs time and hides nothing')
  let line = 0
  for (const block of file.directory.blocks) {
    const end = line + block.lines
    const lines = await file.read(block).catch(error => {
      if ('syscall' in error) throw error
      check.unreadable(name, line + 1, block.lines, `and the lines up to ${end} cannot be read: they were changed`)
      return []
    })
    let isChanged = false
    for (const { bytes, isAsPacked } of lines) {
      const wasChanged = isChanged
      isChanged ||= !isAsPacked
      check.line(name, ++line, bytes, first, isChanged)
      if (isChanged && !wasChanged) check.report(name, line, 'was changed')
    }
    line = end
  }
  return line
}
