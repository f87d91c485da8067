import { ApiResourceReferenceSchema, type ApiResourceReference } from '../../gen/ai/stigmer/commons/apiresource/io_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import { authorize } from '../../steps/authorize.js'
import type { ReadCall } from '../../resource/call.js'
import { disclose } from '../../steps/disclose.js'
import { loadByReference } from '../../steps/load-by-reference.js'
import { validateProto } from '../../steps/validate-proto.js'
import { executionContextKind as kind } from './kind.js'
import type { Dependencies } from '../dependencies.js'

/** Reads a context by its slug. */
export const getByReference = ({ store, audit, vault }: Dependencies) => Pipeline.from<ReadCall<ApiResourceReference>>('getByReference')
  .step(authorize<ApiResourceReference>(audit, kind.label, {
    viewers: true,
    target: ({ slug }) => ({ slug })
  }))
  .step(validateProto(ApiResourceReferenceSchema))
  .step(loadByReference(store, vault, kind))
  .step(disclose(audit, kind))
