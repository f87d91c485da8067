import { hash } from 'node:crypto'
import { GatewayError, invalidArgument } from '../errors.js'
import type { Filter } from '../storage/store.js'

const SEAL_BYTES = 12

/** The token that leads behind `cursor` in the list of a kind's records that pass `filter`, and in no other list. */
export const pageToken = (kind: string, filter: Filter, cursor: string): string =>
  Buffer.concat([sealOf(kind, filter, cursor), Buffer.from(cursor)]).toString('base64url')

/** The cursor of a token of that very list. @throws `invalid_argument` where it is none, or was changed */
export function cursorOf (kind: string, filter: Filter, token: string): string {
  const bytes = Buffer.from(token, 'base64url')
  const cursor = bytes.toString('utf8', SEAL_BYTES)
  if (cursor !== '' && pageToken(kind, filter, cursor) === token) return cursor
  throw unknownPageToken()
}

/** Nobody gains anything by making one up: it is there so that a mistake gets an error, and not the wrong page. */
const sealOf = (kind: string, { indexed = [], expiresBefore }: Filter, cursor: string): Buffer => {
  const wanted = indexed.map(({ attribute, value }) => JSON.stringify([attribute, value])).sort()
  return hash('sha256', JSON.stringify([kind, wanted, expiresBefore ?? null, cursor]), 'buffer').subarray(0, SEAL_BYTES)
}

const unknownPageToken = (): GatewayError =>
  invalidArgument([{
    pointer: '/page_token', detail: 'is not the next_page_token of a list with these filters; leave it out to begin anew'
  }])
