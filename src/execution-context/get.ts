import { ExecutionContextIdSchema, type ExecutionContextId } from '../gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import { Pipeline } from '../pipeline/pipeline.js'
import { authorize } from '../steps/authorize.js'
import type { Call } from '../steps/call.js'
import { loadTarget } from '../steps/load-target.js'
import { validateProto } from '../steps/validate-proto.js'
import type { Store } from '../storage/store.js'
import { executionContextKind as kind } from './kind.js'

/** Reads a context by its id. */
export const get = (store: Store) => Pipeline.from<Call<ExecutionContextId>>('get')
  .step(authorize(`get ${kind.label}`))
  .step(validateProto(ExecutionContextIdSchema))
  .step(loadTarget(store, kind))
