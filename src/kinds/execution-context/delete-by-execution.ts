import { DeleteExecutionContextsRequestSchema, type DeleteExecutionContextsRequest } from '../../gen/ectx/v1/execution_context_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import { authorize } from '../../steps/authorize.js'
import type { Call } from '../../resource/call.js'
import { deleteAll } from '../../steps/delete-all.js'
import { validateProto } from '../../steps/validate-proto.js'
import { buildFilter } from './build-filter.js'
import { executionContextKind as kind } from './kind.js'
import type { Dependencies } from '../dependencies.js'

export interface DeleteAllCall extends Call<DeleteExecutionContextsRequest> {
  /** Whether the secrets of each are to be shredded first. */
  readonly shreds: boolean
}

/** Deletes all contexts of an execution, and answers which they were. */
export const deleteByExecution = ({ store, audit, vault }: Dependencies) =>
  Pipeline.from<DeleteAllCall>('deleteByExecution')
    .step(authorize(audit, kind.label))
    .step(validateProto(DeleteExecutionContextsRequestSchema))
    .step(buildFilter)
    .step(deleteAll(store, vault, kind))
