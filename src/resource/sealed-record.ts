import { timingSafeEqual } from 'node:crypto'
import { andThen, type Awaitable } from '../awaitable.js'
import { GatewayError } from '../errors.js'
import type { RingKey } from '../secrets/ring-key.js'
import { openText, sealText } from '../secrets/seal.js'
import type { Vault } from '../secrets/vault.js'
import { damaged } from '../storage/refusals.js'
import type { StoredRecord } from '../storage/store.js'
import { decodeBody, encodeClear, type ClearPart } from './body-codec.js'
import { hidesSecrets } from './hidden.js'

// How a resource of any kind is kept: the text without secrets, beside it their sealed values, and a code that proves both and
// all else that is believed of the record.

/** What a record was found to hold. */
export interface Opened extends ClearPart {
  readonly record: StoredRecord
  readonly hasSecrets: boolean
  /** Why nothing of it can be proved now; absent where all of it is. */
  readonly unproved?: GatewayError
  /** The secrets' values by name, as JSON. @throws `unavailable` where the key cannot be had */
  secretsJson (): string
}

type Believed = Omit<StoredRecord, 'sealedBy' | 'body'>

const EMPTY = new Uint8Array()

/** The record that holds `clear` and the secrets of `secretsJson`. @throws what the vault throws, where there is something to seal */
export function sealRecord (vault: Vault, believed: Believed, clear: ClearPart, secretsJson: string): Awaitable<StoredRecord> {
  const hasSecrets = hidesSecrets(clear.json)
  const isNeeded = hasSecrets || clear.accessHash.length > 0
  return andThen(isNeeded ? vault.current() : keyOrNone(vault), key => {
    const bytes = encodeClear(clear)
    if (key === undefined) return { ...believed, body: bytes }
    const sealed = hasSecrets ? sealText(key, believed.id, secretsJson) : EMPTY
    const code = key.codeOf(fieldsOf(believed), bytes, sealed)
    return { ...believed, sealedBy: key.id, body: Buffer.concat([bytes, sealed, Buffer.from(key.id, 'latin1'), code]) }
  })
}

/** The record that was opened with the hash of another token in it, sealed anew. @throws what the vault throws */
export function withAccessHash (
  vault: Vault, { record, json, latestExpireTime, secretsJson }: Opened, accessHash: Uint8Array
): Awaitable<StoredRecord> {
  const { sealedBy, body, ...believed } = record
  return sealRecord(vault, believed, { json, accessHash, latestExpireTime }, secretsJson())
}

/** Where no key can be had what hides nothing is kept all the same: then nothing proves it. */
function keyOrNone (vault: Vault): Awaitable<RingKey | undefined> {
  try {
    const key = vault.current()
    return key instanceof Promise ? key.catch(() => undefined) : key
  } catch {
    return undefined
  }
}

/** What `record` holds. @throws `internal` where anything about it is not as it was sealed */
export function openRecord (vault: Vault, record: StoredRecord): Awaitable<Opened> {
  const { json, accessHash, latestExpireTime, sealed, content, keyId, code } = decodeBody(record)
  const { id, sealedBy } = record
  const hasSecrets = sealed.length > 0
  const opened = (secretsJson: () => string, unproved?: GatewayError): Opened =>
    ({ record, json, accessHash, latestExpireTime, hasSecrets, unproved, secretsJson })
  if (keyId !== (sealedBy ?? '') || livesLonger(record, latestExpireTime)) throw damaged(id)
  if (sealedBy === undefined) {
    if (hasSecrets || hidesSecrets(json) || accessHash.length > 0) throw damaged(id)
    return opened(() => '{}')
  }
  const proved = (key: RingKey): Opened => {
    if (!timingSafeEqual(key.codeOf(fieldsOf(record), content), code)) throw damaged(id)
    return opened(() => hasSecrets ? openText(key, id, sealed).toString() : '{}')
  }
  const unproved = (error: unknown): Opened => {
    const refusal = GatewayError.from(error)
    if (refusal.code !== 'unavailable') throw error
    return opened(() => { throw refusal }, refusal)
  }
  try {
    const key = vault.key(sealedBy)
    return key instanceof Promise ? key.then(proved).catch(unproved) : proved(key)
  } catch (error) {
    return unproved(error)
  }
}

/** Whether somebody put off the end of what is sealed to live no longer than that. */
const livesLonger = ({ expireTime }: StoredRecord, latest: number | undefined): boolean =>
  latest === undefined ? expireTime !== undefined : !(expireTime !== undefined && expireTime <= latest)

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
