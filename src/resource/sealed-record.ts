import { andThen, type Awaitable } from '../awaitable.js'
import { GatewayError } from '../errors.js'
import { keyIdOf } from '../secrets/seal.js'
import type { Vault } from '../secrets/vault.js'
import { damaged } from '../storage/refusals.js'
import type { StoredRecord } from '../storage/store.js'
import { decodeBody, encodeClear, type ClearPart } from './body-codec.js'
import { hidesSecrets } from './hidden.js'

// How a resource of any kind is kept: the text without secrets and, beside it, their sealed values, which are bound to that
// text and to all else that is believed of the record.

/** What a record was found to hold, and that it is as it was sealed. */
export interface Opened extends ClearPart {
  readonly record: StoredRecord
  /** The secrets' values by name, as JSON; or why nothing can be proved now, and no secret be had. */
  readonly secretsJson: string | GatewayError
}

type Believed = Omit<StoredRecord, 'sealedBy' | 'body'>

const EMPTY = new Uint8Array()
const NO_SECRETS = '{}'

/** The record that holds `clear` and the secrets of `secretsJson`. @throws what the vault throws, where there is something to seal */
export function sealRecord (vault: Vault, believed: Believed, clear: ClearPart, secretsJson: string): Awaitable<StoredRecord> {
  const bytes = encodeClear(clear)
  const seal = () => vault.sealText(believed.id, secretsJson, boundTo(believed, bytes))
  const isNeeded = hidesSecrets(clear.json) || clear.accessHash.length > 0
  return andThen(isNeeded ? seal() : orNothing(seal), sealed =>
    ({ ...believed, sealedBy: keyIdOf(sealed), body: Buffer.concat([bytes, sealed]) }))
}

/** Where no key can be had what hides nothing is kept all the same: then nothing proves it. */
function orNothing (seal: () => Awaitable<Uint8Array>): Awaitable<Uint8Array> {
  try {
    const sealed = seal()
    return sealed instanceof Promise ? sealed.catch(() => EMPTY) : sealed
  } catch {
    return EMPTY
  }
}

/** What `record` holds. @throws `internal` where anything about it is not as it was sealed */
export function openRecord (vault: Vault, record: StoredRecord): Awaitable<Opened> {
  const { json, statusJson, accessHash, clear, sealed } = decodeBody(record)
  const opened = (secretsJson: string | GatewayError): Opened => ({ record, json, statusJson, accessHash, secretsJson })
  if (keyIdOf(sealed) !== record.sealedBy) throw damaged(record.id)
  if (record.sealedBy === undefined) {
    if (sealed.length > 0 || hidesSecrets(json) || accessHash.length > 0) throw damaged(record.id)
    return opened(NO_SECRETS)
  }
  const unproved = (error: unknown): Opened => {
    const refusal = GatewayError.from(error)
    if (refusal.code !== 'unavailable') throw error
    return opened(refusal)
  }
  try {
    const text = vault.openText(record.id, sealed, boundTo(record, clear))
    return text instanceof Promise ? text.then(opened, unproved) : opened(text)
  } catch (error) {
    return unproved(error)
  }
}

/** All that is believed of a record, as bytes that are others where any of it is. JSON holds no NUL. */
function boundTo ({ kind, id, scope, slug, indexed, revision }: Believed, clear: Uint8Array): Buffer {
  // Engines need not keep the order of attributes.
  const attributes = Object.entries(indexed).sort(([a], [b]) => a < b ? -1 : 1)
  const fields = JSON.stringify([kind, id, scope, slug ?? null, attributes, revision])
  return Buffer.concat([Buffer.from(`${fields}\0`), clear])
}
