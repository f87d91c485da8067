import type { StoredRecord } from '../../../storage/store.js'

// Keys are a letter and parts, divided by NUL: so no part is ever the beginning of another's. Kinds, ids, slugs and names of
// attributes hold no NUL; a scope and an indexed value may hold anything, and are written as JSON, which escapes it.

export const recordKey = (kind: string, id: string) => `r\0${kind}\0${id}`
/** Apart from the record, so that it can change alone. */
export const expireTimeKey = (kind: string, id: string) => `t\0${kind}\0${id}`
export const slugKey = (kind: string, scope: string, slug: string) => `s\0${kind}\0${JSON.stringify(scope)}\0${slug}`

/** The key that begins what is in the index of all that expires, at `expireTime`. */
export const expiryPrefix = (expireTime: number) => `e\0${ordered(expireTime)}\0`
export const expiryKey = (kind: string, id: string, expireTime: number) => `${expiryPrefix(expireTime)}${kind}\0${id}`

/** Whose key it is in that index, and when it expires. */
export interface Expired {
  readonly kind: string
  readonly id: string
  readonly expireTime: number
}
export function expiryOf (key: string): Expired {
  const [, expireTime, kind = '', id = ''] = key.split('\0')
  return { kind, id, expireTime: Number(expireTime) }
}

/** What begins every key of the index of those of a kind that have `value` among the values of `attribute`. */
export const attributePrefix = (kind: string, attribute: string, value: string) => `x\0${kind}\0${attribute}\0${JSON.stringify(value)}\0`
/** What begins every key of the index of what a ring key seals. */
export const sealedPrefix = (keyId: string) => `k\0${keyId}\0`

export const changeKey = (position: number) => `c\0${ordered(position)}`
export const auditKey = (commit: number) => `a\0${ordered(commit)}`
/** Where the state of the set is: of all that `isOfSet`. */
export const STATE_KEY = 'state'
/** Where the key is that proves it. */
export const SET_KEY_KEY = 'set-key'
/** Of a change of the set that came while the key was away that would have proved it. */
export const unprovedKey = (id: string) => `${UNPROVED_PREFIX}${id}`
export const UNPROVED_PREFIX = 'u\0'
/** Where the greatest number is that an audit event ever had. */
export const NUMBERS_KEY = 'numbers'
/** Where it is kept which events the feed has. */
export const FEED_KEY = 'feed'
export const FORMAT_KEY = 'format'
/** Since when there is something to purge, if there is. */
export const PURGED_KEY = 'purged'
/** There where a tree was made for what is sealed here. */
export const TREES_KEY = 'trees'
/** What `ready` writes. */
export const READY_KEY = 'ready'

export const isRecordKey = (key: string) => key.startsWith('r\0')
/** Whether it is a record, the time until which one lives, or a slug: all else that leads to records can be made from these. */
export const isOfSet = (key: string) => key.charCodeAt(1) === 0 && (key[0] === 'r' || key[0] === 't' || key[0] === 's')

/** Whether it is the key of an index that can be made from the set: what it leads to is in the key. */
export const isIndexKey = (key: string) =>
  key.charCodeAt(1) === 0 && (key[0] === 'x' || key[0] === 'e' || (key[0] === 'k' && !key.endsWith(`\0${SET_KEY_KEY}`)))

/** The number that the key of a change or of an audit event ends with, or a position. */
export const numberIn = (key: string) => Number(key.slice(Math.max(key.lastIndexOf('\0'), key.lastIndexOf('-')) + 1))

/** Sixteen digits hold every safe integer, in order. */
export const ordered = (number: number) => String(number).padStart(16, '0')

/** All keys that begin with `prefix`, which ends with NUL. */
export const startingWith = (prefix: string) => ({ gt: prefix, lt: `${prefix.slice(0, -1)}\x01` })

/** All keys of records. */
export const RECORDS = { gt: 'r\0', lt: 'r\x01' }

/** Keys that lead to a record and say all there is in themselves, but for those of its slug and its expiry. */
export function indexKeys ({ kind, id, indexed, sealedBy }: StoredRecord): string[] {
  const keys = Object.entries(indexed).flatMap(([attribute, values]) => values.map(value => attributePrefix(kind, attribute, value) + id))
  if (sealedBy !== undefined) keys.push(`${sealedPrefix(sealedBy)}${kind}\0${id}`)
  return keys
}
