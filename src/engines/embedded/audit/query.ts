import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditPage } from '../../../audit/audit-log.js'
import { parseLine, type AuditRecord } from '../../../audit/event.js'
import type { JournalQuery } from '../../../audit/journal.js'
import { matches } from '../../../audit/pending-page.js'
import { unknownPageToken } from '../../../audit/refusals.js'
import type { FileIndex } from './file-index.js'
import { isAbsent, listFiles, readLineAt, readLines } from './files.js'
import type { LogFile } from './log-file.js'
import { contextKey, executionKey } from './postings.js'

/** The place of a line: the first sequence of its file, and the byte where it begins. */
interface Place {
  readonly first: number
  readonly offset: number
}

/**
 * Reads a page from the files in `directory`, of which `current` is being written.
 * @throws `invalid_argument` where the token is not one of ours
 */
export async function queryFiles (
  directory: string, index: FileIndex, current: LogFile | undefined, query: JournalQuery
): Promise<AuditPage> {
  const { contextId, executionId, pageSize, pageToken, from: least = 0 } = query
  const from = pageToken === undefined ? { first: 0, offset: 0 } : decodeToken(pageToken)
  const key = contextId !== undefined ? contextKey(contextId) : executionId !== undefined ? executionKey(executionId) : undefined
  const written = current?.size
  const events: AuditRecord[] = []
  const files = await listFiles(directory)
  for (const [place, { name, first }] of files.entries()) {
    if (first < from.first || (files[place + 1]?.first ?? Infinity) <= least) continue
    const own = name === current?.named.name ? current : undefined
    const start = first === from.first ? from.offset : 0
    try {
      const lines = key === undefined
        ? readLines(join(directory, name), start, own && written)
        : linesAt(join(directory, name), (own ? await own.find(key) : await index.find(name, key)).filter(offset => offset >= start))
      for await (const { bytes, offset } of lines) {
        const record = parseLine(bytes)
        if (record === undefined || record.sequence < least || !matches(record, query)) continue
        if (events.length === pageSize) return { events, nextPageToken: encodeToken({ first, offset }) }
        events.push(record)
      }
    } catch (error) {
      // Removed meanwhile, being old.
      if (!isAbsent(error)) throw error
    }
  }
  return { events }
}

async function * linesAt (path: string, offsets: readonly number[]) {
  if (offsets.length === 0) return
  const handle = await open(path, 'r')
  try {
    for (const offset of offsets) {
      const bytes = await readLineAt(handle, offset)
      if (bytes !== undefined) yield { bytes, offset }
    }
  } finally {
    await handle.close()
  }
}

const encodeToken = ({ first, offset }: Place) => Buffer.from(`${first}.${offset}`).toString('base64url')

function decodeToken (token: string): Place {
  const [, first, offset] = /^(\d{1,15})\.(\d{1,10})$/.exec(Buffer.from(token, 'base64url').toString()) ?? []
  if (offset === undefined || encodeToken({ first: Number(first), offset: Number(offset) }) !== token) {
    throw unknownPageToken()
  }
  return { first: Number(first), offset: Number(offset) }
}
