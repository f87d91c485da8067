import type { ExecutionContext } from '../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import type { ExecutionContextId } from '../gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import type { ApiResourceReference } from '../gen/ai/stigmer/commons/apiresource/io_pb.js'
import type { Observer, Pipeline } from '../pipeline/pipeline.js'
import type { Call } from '../steps/call.js'
import type { Store, StoredRecord } from '../storage/store.js'
import { apply } from './apply.js'
import { fullJson } from './body.js'
import { create } from './create.js'
import { deleteContext, type DeleteCall } from './delete.js'
import { getByReference } from './get-by-reference.js'
import { get } from './get.js'

/** A context as an operation answers it, ready to send. */
export interface ContextView {
  readonly id: string
  readonly revision: number
  /** The resource as JSON. */
  readonly json: string
}

/** Runs one operation. @throws {PipelineFailure}, whose GatewayError `GatewayError.from` finds */
export type Operation<C> = (call: C, signal?: AbortSignal) => Promise<ContextView>

/** All that can be done with ExecutionContexts; every transport calls these and nothing else. */
export interface Operations {
  readonly create: Operation<Call<ExecutionContext>>
  readonly apply: Operation<Call<ExecutionContext>>
  readonly get: Operation<Call<ExecutionContextId>>
  readonly getByReference: Operation<Call<ApiResourceReference>>
  readonly delete: Operation<DeleteCall>
}

/** The operations on `store`, each run watched by `observer`. */
export function createOperations (store: Store, observer: Observer): Operations {
  const operation = <C extends object, Ctx extends { record: StoredRecord }>(pipeline: Pipeline<C, Ctx>): Operation<C> =>
    async (call, signal) => {
      const { record } = await pipeline.run(call, observer, signal)
      return { id: record.id, revision: record.revision, json: fullJson(record) }
    }
  return {
    create: operation(create(store)),
    apply: operation(apply(store)),
    get: operation(get(store)),
    getByReference: operation(getByReference(store)),
    delete: operation(deleteContext(store))
  }
}
