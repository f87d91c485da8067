import { BatchGetExecutionContextsRequestSchema, type BatchGetExecutionContextsRequest } from '../../gen/ectx/v1/execution_context_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import { authorize } from '../../steps/authorize.js'
import type { Call } from '../../resource/call.js'
import { discloseBatch } from '../../steps/disclose-batch.js'
import { loadBatch } from '../../steps/load-batch.js'
import { validateProto } from '../../steps/validate-proto.js'
import { executionContextKind as kind } from './kind.js'
import type { Dependencies } from '../dependencies.js'

/** Reads many contexts by their ids. */
export const getBatch = ({ store, audit, vault }: Dependencies) => Pipeline.from<Call<BatchGetExecutionContextsRequest>>('getBatch')
  .step(authorize(audit, kind.label))
  .step(validateProto(BatchGetExecutionContextsRequestSchema))
  .step(loadBatch(store, vault, kind))
  .step(discloseBatch(audit, kind))
