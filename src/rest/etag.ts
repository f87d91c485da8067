import { invalidArgument } from '../errors.js'
import type { Shown } from '../resource/call.js'

/** The strong ETag of what is shown: made from id and revision, never from a value, so that it tells nothing of one. */
export const etagOf = ({ id, revision, view }: Shown): string => `"${id}.${revision}.${view}"`

/**
 * What the caller of a read has by its `If-None-Match`, weakly compared (RFC 9110 §13.1.2); `undefined` where it has none.
 * @throws `invalid_argument` naming the header, where it is no list of ETags
 */
export function heldBy (header: string | undefined): readonly Shown[] | 'any' | undefined {
  if (header === undefined) return undefined
  const tags = tagsIn('If-None-Match', header)
  return tags === 'any' ? tags : tags.flatMap(tag => shownBy(tag.replace(/^W\//, '')) ?? [])
}

/** Whether an `If-None-Match` header names `etag`, weakly compared. @throws as `heldBy` */
export function names (header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  const tags = tagsIn('If-None-Match', header)
  return tags === 'any' || tags.some(tag => tag.replace(/^W\//, '') === etag)
}

/**
 * The revisions of resource `id` that an `If-Match` header admits, whichever view they were read in; `undefined` where
 * it admits any. Strongly compared (RFC 9110 §13.1.1): a weak tag, or one of another resource, admits none.
 * @throws `invalid_argument` naming the header, where it is no list of ETags
 */
export function revisionsIn (header: string | undefined, id: string): number[] | undefined {
  if (header === undefined) return undefined
  const tags = tagsIn('If-Match', header)
  return tags === 'any' ? undefined : tags.map(shownBy).flatMap(shown => shown?.id === id ? shown.revision : [])
}

const TAG = /(?:W\/)?"[!#-~\x80-\xff]*"/g
const BETWEEN = /^[\t ]*,[\t ,]*$/
const AROUND = /^[\t ,]*$/

function tagsIn (name: string, header: string): readonly string[] | 'any' {
  if (header.trim() === '*') return 'any'
  const tags = header.match(TAG)
  const [before = '', ...others] = header.split(TAG)
  const behind = others.pop() ?? ''
  if (tags === null || !AROUND.test(before) || !AROUND.test(behind) || !others.every(text => BETWEEN.test(text))) {
    throw invalidArgument([{
      pointer: `/${name}`,
      detail: 'must be * or ETags as an answer gave them, in their quotation marks and with commas between them'
    }])
  }
  return tags
}

/** What `tag` is the strong ETag of; `undefined` where that is nothing of ours. */
function shownBy (tag: string): Shown | undefined {
  const [, id, revision, view] = /^"([^"]+)\.([1-9]\d{0,15})\.(full|redacted)"$/.exec(tag) ?? []
  return id === undefined ? undefined : { id, revision: Number(revision), view: view === 'full' ? 'full' : 'redacted' }
}
