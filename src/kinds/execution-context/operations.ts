import type { ExecutionContext } from '../../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import type { ExecutionContextId } from '../../gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import type { ApiResourceReference } from '../../gen/ai/stigmer/commons/apiresource/io_pb.js'
import type { Observer } from '../../pipeline/pipeline.js'
import type { Answer, Reading } from '../../resource/answer.js'
import type { CreateCall, ReadCall } from '../../resource/call.js'
import { operation, type Operation } from '../../resource/operation.js'
import type { Dependencies } from '../dependencies.js'
import { apply } from './apply.js'
import { create } from './create.js'
import { deleteContext, type DeleteCall } from './delete.js'
import { getByReference } from './get-by-reference.js'
import { get } from './get.js'

type ContextOperation<C> = Operation<C, Answer<ExecutionContext>>

/** All that can be done with ExecutionContexts; every transport calls these and nothing else. */
export interface ExecutionContextOperations {
  readonly create: ContextOperation<CreateCall<ExecutionContext>>
  readonly apply: ContextOperation<CreateCall<ExecutionContext>>
  readonly get: Operation<ReadCall<ExecutionContextId>, Reading<ExecutionContext>>
  readonly getByReference: Operation<ReadCall<ApiResourceReference>, Reading<ExecutionContext>>
  readonly delete: ContextOperation<DeleteCall>
}

/** The operations, each run watched by `observer`. */
export function executionContextOperations (dependencies: Dependencies, observer: Observer): ExecutionContextOperations {
  return {
    create: operation(create(dependencies), 'answer', observer),
    apply: operation(apply(dependencies), 'answer', observer),
    get: operation(get(dependencies), 'answer', observer),
    getByReference: operation(getByReference(dependencies), 'answer', observer),
    delete: operation(deleteContext(dependencies), 'answer', observer)
  }
}
