import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { andThen, type Awaitable } from '../awaitable.js'
import { SealedBodySchema, type SealedBody } from '../gen/ectx/storage/v1/body_pb.js'
import { keyIdOf } from '../secrets/seal.js'
import type { Vault } from '../secrets/vault.js'
import { damaged } from '../storage/refusals.js'
import type { StoredRecord } from '../storage/store.js'
import type { Answer } from './answer.js'
import type { View } from './call.js'
import { hidesSecrets, reveal } from './hidden.js'
import type { Resource, ResourceKind } from './kind.js'

// How a resource of any kind is kept and shown: the text without secrets, and beside it their sealed values.

const EMPTY = new Uint8Array()

/** The record of a new resource, its secrets sealed, and the answer that shows it. @throws what the vault throws */
export function sealResource<R extends Resource, More extends object> (
  vault: Vault, kind: ResourceKind<R, More>, resource: R, more: More, view: View
): Awaitable<{ record: StoredRecord, answer: Answer<R> }> {
  const id = resource.metadata?.id ?? ''
  const { redacted, secrets, shownOnce = redacted, accessHash = EMPTY } = kind.render(resource, more)
  const names = Object.keys(secrets)
  const isRevealed = view === 'full' && names.length > 0
  return andThen(names.length > 0 ? vault.sealText(id, JSON.stringify(secrets), redacted) : EMPTY, sealedSecrets => {
    const record = {
      kind: kind.name,
      id,
      slug: resource.metadata?.slug ?? '',
      executionId: kind.executionIdOf(resource),
      revision: 1,
      body: encodeBody({ redactedJson: redacted, sealedSecrets, accessHash })
    }
    const json = isRevealed ? reveal(shownOnce, secrets) : shownOnce
    return { record, answer: answerOf(kind, record, view, json, isRevealed ? names : undefined) }
  })
}

/** The answer that shows a stored resource. @throws `internal` where the record is damaged, and what the vault throws */
export function showResource<R extends Resource> (
  vault: Vault, kind: ResourceKind<R>, record: StoredRecord, view: View
): Awaitable<Answer<R>> {
  const body = decodeBody(record)
  const { redactedJson } = body
  if (view === 'redacted' || !holdsSecrets(body)) return answerOf(kind, record, view, redactedJson)
  return andThen(vault.openText(record.id, body.sealedSecrets, redactedJson), text => {
    const secrets = JSON.parse(text)
    return answerOf(kind, record, view, reveal(redactedJson, secrets), Object.keys(secrets))
  })
}

const answerOf = <R extends Resource>(
  kind: ResourceKind<R>, { id, revision }: StoredRecord, view: View, json: string, revealed?: readonly string[]
): Answer<R> => ({ id, revision, view, json, revealed, message: () => kind.decode(json) })

/** The organization that a stored resource belongs to; empty where it belongs to none. */
export const orgOf = (record: StoredRecord): string => JSON.parse(decodeBody(record).redactedJson).metadata.org ?? ''

/** The hash of the token that opens a stored resource to its holder; `undefined` where there is none. */
export function accessHashOf (record: StoredRecord): Uint8Array | undefined {
  const { accessHash } = decodeBody(record)
  return accessHash.length === 0 ? undefined : accessHash
}

/**
 * The ring key that a stored resource's secrets are sealed with; `undefined` where it has none.
 * @throws `internal` where that cannot be told
 */
export function sealingKeyOf (record: StoredRecord): string | undefined {
  const body = decodeBody(record)
  if (!holdsSecrets(body)) return undefined
  const keyId = keyIdOf(body.sealedSecrets)
  if (keyId === undefined) throw damaged(record.id)
  return keyId
}

/** The body of a resource's record. */
export const encodeBody = (body: Pick<SealedBody, 'redactedJson' | 'sealedSecrets' | 'accessHash'>): Uint8Array =>
  toBinary(SealedBodySchema, create(SealedBodySchema, body))

/** @throws `internal` naming the record, where its body is no such body */
export function decodeBody ({ id, body }: StoredRecord): SealedBody {
  try {
    const decoded = fromBinary(SealedBodySchema, body)
    if (decoded.redactedJson !== '') return decoded
  } catch (error) {
    throw damaged(id, error)
  }
  throw damaged(id)
}

/** Whether the resource has secrets. Either sign says so: where the other is gone, the record is damaged, and not without secrets. */
const holdsSecrets = ({ redactedJson, sealedSecrets }: SealedBody): boolean => sealedSecrets.length > 0 || hidesSecrets(redactedJson)
