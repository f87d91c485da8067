import type { ExecutionContext } from '../../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import type { ExecutionContextId } from '../../gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import type { ApiResourceReference } from '../../gen/ai/stigmer/commons/apiresource/io_pb.js'
import type {
  BatchGetExecutionContextsRequest,
  GetEnvRequest,
  ListExecutionContextsRequest
} from '../../gen/ectx/v1/execution_context_pb.js'
import type { Observer } from '../../pipeline/pipeline.js'
import type { Answer, Reading } from '../../resource/answer.js'
import type { Batch, Page } from '../../resource/answers.js'
import type { Call, CreateCall, ReadCall } from '../../resource/call.js'
import { oneAtATime, onePerKey, triedAgain } from '../../resource/one-per-key.js'
import { operation, type Operation } from '../../resource/operation.js'
import type { Lease } from '../../steps/renew-lease.js'
import type { Dependencies } from '../dependencies.js'
import { apply } from './apply.js'
import { create } from './create.js'
import { deleteByExecution, type DeleteAllCall } from './delete-by-execution.js'
import { deleteContext, type DeleteCall } from './delete.js'
import { exportEnv } from './export-env.js'
import { getBatch } from './get-batch.js'
import { getByReference } from './get-by-reference.js'
import { get } from './get.js'
import { heartbeat } from './heartbeat.js'
import { list } from './list.js'
import { rotate, rotatedId, type RotateCall } from './rotate.js'
import type { Env } from './write-env.js'

type ContextOperation<C> = Operation<C, Answer<ExecutionContext>>

/** All that can be done with ExecutionContexts; every transport calls these and nothing else. */
export interface ExecutionContextOperations {
  readonly create: ContextOperation<CreateCall<ExecutionContext>>
  readonly apply: ContextOperation<CreateCall<ExecutionContext>>
  readonly get: Operation<ReadCall<ExecutionContextId>, Reading<ExecutionContext>>
  readonly getByReference: Operation<ReadCall<ApiResourceReference>, Reading<ExecutionContext>>
  readonly delete: ContextOperation<DeleteCall>
  readonly rotate: ContextOperation<RotateCall>
  readonly heartbeat: Operation<Call<ExecutionContextId>, Lease>
  readonly list: Operation<Call<ListExecutionContextsRequest>, Page<ExecutionContext>>
  readonly deleteByExecution: Operation<DeleteAllCall, string[]>
  readonly getBatch: Operation<Call<BatchGetExecutionContextsRequest>, Batch<ExecutionContext>>
  readonly exportEnv: Operation<Call<GetEnvRequest>, Env>
}

/** The operations, each run watched by `observer`. */
export function executionContextOperations (dependencies: Dependencies, observer: Observer): ExecutionContextOperations {
  return {
    create: onePerKey(operation(create(dependencies), 'answer', observer)),
    apply: onePerKey(operation(apply(dependencies), 'answer', observer)),
    get: operation(get(dependencies), 'answer', observer),
    getByReference: operation(getByReference(dependencies), 'answer', observer),
    delete: triedAgain(operation(deleteContext(dependencies), 'answer', observer)),
    rotate: onePerKey(oneAtATime(operation(rotate(dependencies), 'answer', observer), rotatedId)),
    heartbeat: operation(heartbeat(dependencies), 'lease', observer),
    list: operation(list(dependencies), 'answer', observer),
    deleteByExecution: operation(deleteByExecution(dependencies), 'deleted', observer),
    getBatch: operation(getBatch(dependencies), 'answer', observer),
    exportEnv: operation(exportEnv(dependencies), 'env', observer)
  }
}
