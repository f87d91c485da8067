import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf'
import { ExecutionContextSchema, type ExecutionContext } from '../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { ExecutionContextBodySchema } from '../gen/ectx/storage/v1/body_pb.js'
import { damaged } from '../storage/refusals.js'
import type { StoredRecord } from '../storage/store.js'

/** The body of a context's record: its answers, rendered once so that no read has to. */
export const encodeBody = (resource: ExecutionContext): Uint8Array =>
  toBinary(ExecutionContextBodySchema, create(ExecutionContextBodySchema, { fullJson: JSON.stringify(render(resource)) }))

/** The whole resource as JSON. @throws `internal` naming the record, where its body is no such body */
export function fullJson ({ id, body }: StoredRecord): string {
  try {
    return fromBinary(ExecutionContextBodySchema, body).fullJson
  } catch (error) {
    throw damaged(id, error)
  }
}

interface ContextJson {
  readonly spec?: { readonly data?: Record<string, { is_secret?: boolean }> }
}

/** The resource as proto JSON in snake_case, which leaves out what is empty; only `is_secret` is always said. */
function render (resource: ExecutionContext) {
  const json = toJson(ExecutionContextSchema, resource, { useProtoFieldName: true }) as ContextJson
  for (const entry of Object.values(json.spec?.data ?? {})) entry.is_secret ??= false
  return json
}
