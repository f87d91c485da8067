import { VIEWS } from '../../schemas/requests.js'
import type { Answer } from '../resource/answer.js'

/** The strong ETag of a view: made from id and revision, never from a value, so that it tells nothing of one. */
export const etagOf = ({ id, revision, view }: Pick<Answer<unknown>, 'id' | 'revision' | 'view'>): string => `"${id}.${revision}.${view}"`

/** Whether an `If-None-Match` header names `etag` (RFC 9110 §13.1.2: weakly compared). */
export const matches = (header: string | undefined, etag: string): boolean =>
  header !== undefined && (header.trim() === '*' || tags(header).includes(etag))

/**
 * The revisions of resource `id` that an `If-Match` header admits, whichever view they were read in; `undefined` where
 * it admits any. Strongly compared (RFC 9110 §13.1.1): a weak tag, or one of another resource, admits none.
 */
export function revisionsIn (header: string | undefined, id: string): number[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined
  return strongTags(header).flatMap(tag => {
    const revision = Number(tag.slice(id.length + 2, -1).split('.', 1))
    return VIEWS.some(view => tag === etagOf({ id, revision, view })) ? revision : []
  })
}

const TAG = /(?:W\/)?"[^"]*"/g
const strongTags = (header: string): string[] => header.match(TAG)?.filter(tag => !tag.startsWith('W/')) ?? []
const tags = (header: string): string[] => header.match(TAG)?.map(tag => tag.replace(/^W\//, '')) ?? []
