import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ExecutionContextBodySchema, type ExecutionContextBody } from '../gen/ectx/storage/v1/body_pb.js'
import { keyIdOf } from '../secrets/seal.js'
import { damaged } from '../storage/refusals.js'
import type { StoredRecord } from '../storage/store.js'
import { hidesSecrets } from '../kinds/execution-context/render.js'

/** The body of a context's record. */
export const encodeBody = (body: Pick<ExecutionContextBody, 'redactedJson' | 'sealedSecrets' | 'runTokenHash'>): Uint8Array =>
  toBinary(ExecutionContextBodySchema, create(ExecutionContextBodySchema, body))

/** @throws `internal` naming the record, where its body is no such body */
export function decodeBody ({ id, body }: StoredRecord): ExecutionContextBody {
  try {
    const decoded = fromBinary(ExecutionContextBodySchema, body)
    if (decoded.redactedJson !== '') return decoded
  } catch (error) {
    throw damaged(id, error)
  }
  throw damaged(id)
}

/** Whether the context has secrets. Either sign says so: where the other is gone, the record is damaged, and not without secrets. */
export const holdsSecrets = ({ redactedJson, sealedSecrets }: ExecutionContextBody): boolean => sealedSecrets.length > 0 || hidesSecrets(redactedJson)

/** The ring key that a context's secrets are sealed with; `undefined` where it has none. @throws `internal` where that cannot be told */
export function sealingKeyOf (record: StoredRecord): string | undefined {
  const body = decodeBody(record)
  if (!holdsSecrets(body)) return undefined
  const keyId = keyIdOf(body.sealedSecrets)
  if (keyId === undefined) throw damaged(record.id)
  return keyId
}
