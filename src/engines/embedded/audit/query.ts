import type { AuditPage } from '../../../audit/audit-log.js'
import { hashOf, parseLine, type AuditRecord } from '../../../audit/event.js'
import type { JournalQuery } from '../../../audit/journal.js'
import { PageSize } from '../../../audit/page-size.js'
import { matches } from '../../../audit/pending-page.js'
import { unknownPageToken } from '../../../audit/refusals.js'
import { isAbsent, listFiles, packed, type FoundLine, type Named } from './files.js'
import type { HeadState } from './head.js'
import type { LogFile } from './log-file.js'
import { findLines, firstPrevious, type Sources } from './log-lines.js'
import { contextKey, executionKey } from './postings.js'

/** The place of a line: the first sequence of its file, and the byte where it begins, whether or not the file is packed by now. */
interface Place {
  readonly first: number
  readonly offset: number
}

/** Between which lines the log stands, of which the last is in `file` where that is being written. */
export interface QueryEnds extends Pick<HeadState, 'first' | 'sequence' | 'hash'> {
  readonly file: Pick<LogFile, 'named' | 'size' | 'hash'> | undefined
}

/**
 * Reads a page of the lines up to `end`. `unproved` is told of each line of it that the one behind does not prove.
 * @throws `invalid_argument` where the token is not one of ours
 */
export async function queryFiles (
  sources: Sources, end: QueryEnds, query: JournalQuery, unproved: (place: string) => void
): Promise<AuditPage> {
  const { contextId, executionId, pageToken, from: least = 0 } = query
  const from = pageToken === undefined ? { first: 0, offset: 0 } : decodeToken(pageToken)
  const key = contextId !== undefined ? contextKey(contextId) : executionId !== undefined ? executionKey(executionId) : undefined
  const { named: current, size: written, hash: last } = { ...end.file }
  const files = (await listFiles(sources.directory)).filter(({ first }) => first <= end.sequence)
  const events: AuditRecord[] = []
  const page = new PageSize(query.pageSize)
  // Where a line was before it, it is missing.
  let verified = from.first > 0 || least > 0 || files[0] === undefined || files[0].first <= end.first
  if (!verified) unproved(`${files[0]!.name}, at byte 0`)

  const isProved = async ({ bytes, next }: FoundLine, place: number, name: string): Promise<boolean> => {
    const following = files[place + 1]
    const hash = next ?? (name === current?.name ? last : following && await firstPrevious(sources, following)) ?? end.hash
    return hash === hashOf(bytes)
  }
  const read = async (place: number, named: Named): Promise<Place | undefined> => {
    const { name, first } = named
    const start = first === from.first ? from.offset : 0
    for await (const line of findLines(sources, named, start, name === current?.name ? written! : Infinity, key)) {
      const record = parseLine(line.bytes)
      if (record === undefined) {
        // It may be one that is asked for.
        verified = false
        unproved(`${name}, at byte ${line.offset}`)
        continue
      }
      if (record.sequence < least || !matches(record, query)) continue
      if (!page.takes(line.bytes.length)) return { first, offset: line.offset }
      events.push(record)
      if (await isProved(line, place, name)) continue
      verified = false
      unproved(`${name}, at byte ${line.offset}`)
    }
  }

  for (const [place, named] of files.entries()) {
    if (named.first < from.first || (files[place + 1]?.first ?? Infinity) <= least) continue
    const next = await read(place, named).catch(error => {
      if (!isAbsent(error)) throw error
      // Packed meanwhile, or removed, being old.
      return named.isPacked ? undefined : read(place, packed(named)).catch(ignoringAbsence)
    })
    if (next !== undefined) return { events, verified, nextPageToken: encodeToken(next) }
  }
  return { events, verified }
}

function ignoringAbsence (error: unknown): undefined {
  if (!isAbsent(error)) throw error
}

const encodeToken = ({ first, offset }: Place) => Buffer.from(`${first}.${offset}`).toString('base64url')

function decodeToken (token: string): Place {
  const [, first, offset] = /^(\d{1,15})\.(\d{1,10})$/.exec(Buffer.from(token, 'base64url').toString()) ?? []
  if (offset === undefined || encodeToken({ first: Number(first), offset: Number(offset) }) !== token) {
    throw unknownPageToken()
  }
  return { first: Number(first), offset: Number(offset) }
}
