import { timingSafeEqual } from 'node:crypto'
import { andThen, type Awaitable } from '../awaitable.js'
import { GatewayError } from '../errors.js'
import type { RingKey } from '../secrets/ring-key.js'
import { leafOf, openText, sealText } from '../secrets/seal.js'
import type { Vault } from '../secrets/vault.js'
import { damaged } from '../storage/refusals.js'
import type { StoredRecord } from '../storage/store.js'
import { decodeBody, encodeClear, type ClearPart } from './body-codec.js'
import { hidesSecrets } from './hidden.js'
import { nextHidden, nextShown } from './revision.js'

// How a resource of any kind is kept: the text without secrets, beside it their sealed values, and a code that proves both and
// all else that is believed of the record.

/** What a record was found to hold, all of it proved. */
export interface Opened extends ClearPart {
  readonly record: StoredRecord
  /** The secrets as they are sealed; empty where there are none. */
  readonly sealed: Uint8Array
  readonly hasSecrets: boolean
  /** The secrets' values by name, as JSON. @throws `unavailable` where they cannot be had, now or ever */
  secretsJson (): Awaitable<string>
  /** What proves that the record lives until then. */
  proofOf (expireTime: number): Uint8Array
}

type Believed = Omit<StoredRecord, 'sealedBy' | 'body'>

const EMPTY = new Uint8Array()
// Enough that nobody comes upon one by chance: there is one for each heartbeat.
const TIME_CODE_BYTES = 16

/** The record that holds `clear` and the secrets of `secretsJson`. @throws `unavailable` where nothing can seal it */
export const sealRecord = (vault: Vault, believed: Believed, clear: ClearPart, secretsJson: string): Awaitable<StoredRecord> =>
  andThen(vault.current(), key => sealWith(vault, key, believed, clear, secretsJson))

function sealWith (vault: Vault, key: RingKey, believed: Believed, clear: ClearPart, secretsJson: string): Awaitable<StoredRecord> {
  const tree = vault.trees.of(key)
  // Also where nothing is sealed: a key that is in use has a tree.
  if (!hidesSecrets(clear.json)) return andThen(tree.begin(), () => proveRecord(key, believed, clear))
  return andThen(tree.newLeaf(), leaf => proveRecord(key, believed, clear, sealText(key, leaf, believed.id, secretsJson)))
}

/** The record that holds `clear` and what is sealed, which `key` proves. */
export function proveRecord (key: RingKey, believed: Believed, clear: ClearPart, sealed: Uint8Array = EMPTY): StoredRecord {
  const { expireTime } = believed
  const bytes = encodeClear(clear)
  const code = key.codeOf(fieldsOf(believed), bytes, sealed)
  const body = Buffer.concat([bytes, sealed, Buffer.from(key.id, 'latin1'), code])
  const isProved = expireTime === undefined || expireTime === clear.latestExpireTime
  return { ...believed, sealedBy: key.id, body, ...!isProved && { expireProof: timeCode(key, believed, expireTime) } }
}

/**
 * The next revision of the record that was opened: with that text and these secrets, under a leaf of their own and by the key of before,
 * since that proves how long it lives. Its token stays.
 * @throws `unavailable` where the key cannot be had
 */
export function withSecrets (
  vault: Vault, { record, accessHash, latestExpireTime }: Opened, json: string, secretsJson: string
): Awaitable<StoredRecord> {
  const { sealedBy, body, ...believed } = record
  const next = { ...believed, revision: nextShown(record.revision) }
  return andThen(vault.key(sealedBy!), key => sealWith(vault, key, next, { json, accessHash, latestExpireTime }, secretsJson))
}

/**
 * What was opened as another record, proved by the key of before, that lives until then and gives no token's holder anything. Its secrets
 * stay as they are sealed, so that one leaf opens every copy; `openRecord` opens them as those of the first.
 * @throws `unavailable` where the key cannot be had
 */
export function copyOf (
  vault: Vault, { record, json, sealed }: Opened, as: Pick<StoredRecord, 'kind' | 'id' | 'indexed'>, expireTime: number
): Awaitable<StoredRecord> {
  const believed = { ...as, scope: '', revision: record.revision, expireTime }
  return andThen(vault.key(record.sealedBy!), key =>
    proveRecord(key, believed, { json, accessHash: EMPTY, latestExpireTime: expireTime }, sealed))
}

/**
 * The next revision of the record that was opened, with the hash of another token in it, proved with the key of before: that proves how
 * long it lives. Its secrets stay as they are sealed, so that one leaf opens every copy.
 * @throws `unavailable` where the key cannot be had
 */
export function withAccessHash (
  vault: Vault, { record, json, latestExpireTime, sealed }: Opened, accessHash: Uint8Array
): Awaitable<StoredRecord> {
  const { sealedBy, body, ...believed } = record
  const next = { ...believed, revision: nextHidden(record.revision) }
  return andThen(vault.key(sealedBy!), key => proveRecord(key, next, { json, accessHash, latestExpireTime }, sealed))
}

/**
 * What `record` holds, whose secrets were sealed for `sealedFor`.
 * @throws `internal` where anything about it is not as it was sealed, `unavailable` where the key that proves it cannot be had
 */
export function openRecord (vault: Vault, record: StoredRecord, sealedFor = record.id): Awaitable<Opened> {
  const { json, accessHash, latestExpireTime, sealed, content, keyId, code } = decodeBody(record)
  const { id, sealedBy } = record
  if (sealedBy === undefined || keyId !== sealedBy || livesLonger(record, latestExpireTime)) throw damaged(id)
  return andThen(vault.key(sealedBy), key => {
    if (!timingSafeEqual(key.codeOf(fieldsOf(record), content), code) || !livesSoLong(key, record, latestExpireTime)) throw damaged(id)
    const hasSecrets = sealed.length > 0
    const secretsJson = () => hasSecrets ? openSecrets(vault, key, sealedFor, sealed) : '{}'
    const proofOf = (expireTime: number) => timeCode(key, record, expireTime)
    return { record, json, accessHash, latestExpireTime, sealed, hasSecrets, secretsJson, proofOf }
  })
}

function openSecrets (vault: Vault, key: RingKey, id: string, sealed: Uint8Array): Awaitable<string> {
  const leaf = leafOf(sealed)
  if (leaf === undefined) return openText(key, id, sealed).toString()
  return andThen(vault.trees.of(key).secretOf(leaf), secret => {
    if (secret === undefined) throw new GatewayError('unavailable', `the secrets of '${id}' were shredded, and are lost for ever`)
    return openText(key, id, sealed, secret).toString()
  })
}

/**
 * Has the secrets of what was opened never be had again, also from copies of the record and of the ring, and answers whether there are
 * any. When it resolves that is durable. Many at once are done in one.
 * @throws `failed_precondition` where they were sealed without a leaf, `unavailable` where the tree cannot be used
 */
export async function shredSecrets (vault: Vault, { record: { id, sealedBy }, sealed, hasSecrets }: Opened): Promise<boolean> {
  if (!hasSecrets) return false
  const leaf = leafOf(sealed)
  if (leaf === undefined) {
    throw new GatewayError(
      'failed_precondition',
      `an older version sealed '${id}', and it cannot be shredded: delete it without that; copies are noise when the key '${sealedBy}' is destroyed`
    )
  }
  await vault.trees.of(await vault.key(sealedBy!)).shred([leaf])
  return true
}

/** Whether somebody put off the end of what is sealed to live no longer than that. */
const livesLonger = ({ expireTime }: StoredRecord, latest: number | undefined): boolean =>
  latest === undefined ? expireTime !== undefined : !(expireTime !== undefined && expireTime <= latest)

/** Whether it is proved that the record lives until its expire time: by its code, where that is the latest there can be, or else by a code of its own. */
function livesSoLong (key: RingKey, record: StoredRecord, latest: number | undefined): boolean {
  const { expireTime, expireProof = EMPTY } = record
  if (expireTime === latest) return true
  const code = timeCode(key, record, expireTime!)
  return expireProof.length === code.length && timingSafeEqual(expireProof, code)
}

const timeCode = (key: RingKey, { kind, id }: Pick<StoredRecord, 'kind' | 'id'>, expireTime: number): Buffer =>
  key.timeCodeOf(Buffer.from(`${kind}\0${id}\0${expireTime}`)).subarray(0, TIME_CODE_BYTES)

/**
 * All fields that are believed of a record, as bytes that are others where any of them is: kinds, ids and slugs hold no NUL,
 * and neither does JSON. By hand, since it is on the path of every request.
 */
function fieldsOf ({ kind, id, scope, slug = NO_SLUG, indexed, revision }: Believed): Buffer {
  let text = `${kind}\0${id}\0${slug}\0${revision}\0${JSON.stringify(scope)}\0`
  // Engines need not keep the order of attributes.
  for (const attribute of Object.keys(indexed).sort()) text += `${attribute}\0${JSON.stringify(indexed[attribute])}\0`
  return Buffer.from(text)
}
// No slug has such a character.
const NO_SLUG = '\n'
