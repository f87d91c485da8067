import { createReadStream, createWriteStream } from 'node:fs'
import { appendFile, copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { isAbsent } from '../../../files/file-problem.js'
import { makeDirectory } from '../../../files/make-directory.js'
import { DAYS_FILE } from '../audit/days.js'
import { listFiles, packed, readLines, type Named } from '../audit/files.js'
import { commitOf, findEnd } from '../audit/find-end.js'
import { Head, readHead } from '../audit/head.js'
import { PackedFile } from '../audit/packed-file.js'
import { about, share } from './copy-file.js'

/**
 * Copies the log up to the first line of a commit behind the one of the number `through`, while another process may write to it. Where a
 * store was copied before that, what the copy of the log does not have of the store's commits waits in the copy of the store.
 */
export async function copyAudit (from: string, to: string, through: number): Promise<void> {
  await makeDirectory(to)
  // Before the files: each line that it tells of is there by now.
  const head = await readHead(from)
  await copyFile(join(from, DAYS_FILE), join(to, DAYS_FILE)).catch(ignoringAbsence)
  let isCut = false
  for (const named of await listFiles(from)) {
    if (isCut) break
    const copy = (named: Named) => (named.isPacked ? copyPacked : copyLines)(from, to, named, through)
    isCut = await copy(named).catch(error => {
      if (named.isPacked || !isAbsent(error)) throw error
      return copy(packed(named))
    })
  }
  const files = await listFiles(to)
  const { last, commit } = await findEnd(to, files, undefined)
  // Without the one, or the other, the copy shows what is wrong as the log does.
  if (head === undefined || last === undefined) return
  const lines = !isCut && head.sequence > last.sequence ? head : last
  const copy = await Head.open(to, { ...lines, first: head.first, commit: Math.max(commit, Math.min(head.commit, through)) })
  await copy.close()
}

/** Answers whether the file has more. */
async function copyLines (from: string, to: string, { name }: Named, through: number): Promise<boolean> {
  let [end, isCut] = [0, false]
  for await (const { bytes, offset, whole } of readLines(join(from, name))) {
    isCut = isBehind(bytes, through)
    if (!whole || isCut) break
    end = offset + bytes.length + 1
  }
  const target = join(to, name)
  if (end > 0) await about(target, () => pipeline(createReadStream(join(from, name), { end: end - 1 }), createWriteStream(target, NEW)))
  return isCut
}

/** As `copyLines`; of a file that has more the copy is not packed. */
async function copyPacked (from: string, to: string, { name }: Named, through: number): Promise<boolean> {
  const file = await PackedFile.open(join(from, name)).catch(error => {
    if ('syscall' in error) throw error
  })
  if (file === undefined || file.directory.commit <= through) {
    await share(join(from, name), join(to, name))
    return false
  }
  const target = join(to, name.slice(0, -2))
  for (const block of file.directory.blocks) {
    const lines = (await file.read(block)).map(({ bytes }) => bytes)
    const end = lines.findIndex(line => isBehind(line, through))
    const kept = end === -1 ? lines : lines.slice(0, end)
    if (kept.length > 0) await about(target, () => appendFile(target, kept.map(line => `${line}\n`).join(''), { mode: NEW.mode }))
    if (end !== -1) break
  }
  return true
}

const NEW = { flags: 'wx', mode: 0o600 }

const isBehind = (line: Buffer, through: number): boolean => (commitOf(line) ?? 0) > through

function ignoringAbsence (error: unknown): void {
  if (!isAbsent(error)) throw error
}
