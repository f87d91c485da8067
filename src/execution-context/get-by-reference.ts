import { ApiResourceReferenceSchema, type ApiResourceReference } from '../gen/ai/stigmer/commons/apiresource/io_pb.js'
import { Pipeline } from '../pipeline/pipeline.js'
import { authorize } from '../steps/authorize.js'
import type { Call } from '../steps/call.js'
import { loadByReference } from '../steps/load-by-reference.js'
import { validateProto } from '../steps/validate-proto.js'
import type { Store } from '../storage/store.js'
import { executionContextKind as kind } from './kind.js'

/** Reads a context by its slug. */
export const getByReference = (store: Store) => Pipeline.from<Call<ApiResourceReference>>('getByReference')
  .step(authorize(`get ${kind.label}`))
  .step(validateProto(ApiResourceReferenceSchema))
  .step(loadByReference(store, kind))
