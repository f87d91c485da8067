import { hash } from 'node:crypto'
import type { JsonValue } from '@bufbuild/protobuf'
import { GatewayError, invalidArgument, jsonPointer, MOST_VIOLATIONS } from '../errors.js'
import type { RingKey } from '../secrets/ring-key.js'
import type { Vault } from '../secrets/vault.js'
import type { StoredRecord } from '../storage/store.js'
import type { Call } from './call.js'
import { openRecord, proveRecord } from './sealed-record.js'

// What a call that names itself by an idempotency key leaves behind, in the commit of what it makes: so that to repeat it
// makes nothing twice. No value is kept, and no hash that could be tried out without the key ring.

/** As the store files what is kept of such calls. */
export const IDEMPOTENCY_KIND = 'idempotency_key'

/** How long it is kept at least, also where what was made is gone before. */
const LEAST_MS = 24 * 3_600_000
const CODE_BYTES = 8
const VISIBLE = /^[!-~]{1,255}$/
// As VISIBLE, but for quotation marks, and for commas: so two of them are joined where a header is given twice.
const BARE = /^[!#-+\--~]{1,255}$/
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/

/** A call that has such a key, as its record will name it. */
export interface Named {
  readonly id: string
  /** The codes of what was sent. */
  readonly content: Content
  readonly key: RingKey
}

/** What was sent: a code of all of it, and a short one for each place in it, to name those that differ. */
export interface Content {
  readonly whole: string
  readonly parts: Readonly<Record<string, string>>
}

/** What is kept. */
export interface Remembered {
  readonly resourceId: string
  readonly content: Content
  readonly key: RingKey
}

/**
 * The key that an `Idempotency-Key` says, a quoted string of RFC 8941 or the bare text of one.
 * @throws `invalid_argument` naming the header
 */
export function parseIdempotencyKey (text: string): string {
  if (BARE.test(text)) return text
  const key = QUOTED.exec(text)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? ''
  if (VISIBLE.test(key)) return key
  throw invalidArgument([{
    pointer: '/Idempotency-Key',
    detail: 'must be given once, as 1 to 255 visible ASCII characters in quotation marks, or without these and without commas'
  }])
}

/** The id of the record for a call, which is its caller's alone, and its operation's. */
export const idempotencyId = (operation: string, { origin: { caller } }: Pick<Call<unknown>, 'origin'>, key: string): string =>
  hash('sha256', JSON.stringify([operation, caller.kind, caller.name, key]), 'base64url')

/** The codes of `json`, whatever the order of its fields. */
export function contentOf (key: RingKey, json: JsonValue): Content {
  const leaves = leavesOf(json, []).sort(([a], [b]) => a < b ? -1 : 1)
  const codeOf = (value: unknown) => key.contentCodeOf(Buffer.from(JSON.stringify(value)))
  const parts = leaves.map(leaf => [leaf[0], codeOf(leaf).toString('base64url', 0, CODE_BYTES)])
  return { whole: codeOf(leaves).toString('base64url'), parts: Object.fromEntries(parts) }
}

/** Says where what was sent with a key is another than what was sent first. */
export function keyReused (sent: Content, first: Content): GatewayError {
  const pointers = new Set([...Object.keys(sent.parts), ...Object.keys(first.parts)])
  const differing = [...pointers].filter(pointer => sent.parts[pointer] !== first.parts[pointer]).sort()
  const more = differing.length > 1 ? ` (and ${differing.length - 1} more)` : ''
  return new GatewayError(
    'idempotency_key_reused',
    `${differing[0]}${more} is not what was sent first with this Idempotency-Key; send what is new with a key of its own`,
    { violations: differing.slice(0, MOST_VIOLATIONS).map(pointer => ({ pointer, detail: 'is not what was sent first with this key' })) }
  )
}

function leavesOf (value: JsonValue, path: ReadonlyArray<string | number>): Array<[pointer: string, text: string]> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
  if (entries.length === 0) return [[jsonPointer(path), JSON.stringify(value)]]
  return entries.flatMap(([name, inner]) => leavesOf(inner, [...path, name]))
}

/** The record that keeps what the call `named` made, until its end and for a day at least. */
export function rememberedRecord (
  { id, content, key }: Named, made: StoredRecord, latestEnd: number, now: number
): StoredRecord {
  const expireTime = Math.max(latestEnd, now + LEAST_MS)
  const believed = { kind: IDEMPOTENCY_KIND, id, scope: '', indexed: {}, expireTime, revision: 1 }
  const json = JSON.stringify({ resourceId: made.id, content })
  // The key that the codes were made with, which must not be destroyed before: another may have become current.
  return proveRecord(key, believed, { json, accessHash: new Uint8Array(), latestExpireTime: expireTime })
}

/** What such a record keeps. @throws `internal` where it is damaged, `unavailable` where it cannot be proved now */
export async function readRemembered (vault: Vault, record: StoredRecord): Promise<Remembered> {
  const { json } = await openRecord(vault, record)
  return { ...JSON.parse(json), key: await vault.key(record.sealedBy!) }
}
