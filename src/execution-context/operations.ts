import type { AuditPage } from '../audit/audit-log.js'
import type { ExecutionContext } from '../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import type { ExecutionContextId } from '../gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import type { ApiResourceReference } from '../gen/ai/stigmer/commons/apiresource/io_pb.js'
import type { ListAuditEventsRequest } from '../gen/ectx/audit/v1/query_pb.js'
import type { Observer, Pipeline } from '../pipeline/pipeline.js'
import type { Vault } from '../secrets/vault.js'
import type { Auditor } from '../steps/audit-event.js'
import type { Call, CreateCall, View } from '../steps/call.js'
import type { Answer } from '../steps/resource-kind.js'
import type { Store, StoredRecord } from '../storage/store.js'
import { apply } from './apply.js'
import { create } from './create.js'
import { deleteContext, type DeleteCall } from './delete.js'
import { get } from './get.js'
import { getByReference } from './get-by-reference.js'
import { listAuditEvents } from './list-audit-events.js'

/** What the operations work on. */
export interface Dependencies {
  readonly store: Store
  readonly audit: Auditor
  readonly vault: Vault
}

/** A context as an operation answers it, ready to send. */
export interface ContextView {
  readonly id: string
  readonly revision: number
  readonly view: View
  /** The resource as JSON. */
  readonly json: string
}

/** Runs one operation. @throws {PipelineFailure}, whose GatewayError `GatewayError.from` finds */
export type Operation<C, Result = ContextView> = (call: C, signal?: AbortSignal) => Promise<Result>

/** All that can be done with ExecutionContexts; every transport calls these and nothing else. */
export interface Operations {
  readonly create: Operation<CreateCall<ExecutionContext>>
  readonly apply: Operation<CreateCall<ExecutionContext>>
  readonly get: Operation<Call<ExecutionContextId>>
  readonly getByReference: Operation<Call<ApiResourceReference>>
  readonly delete: Operation<DeleteCall>
  readonly listAuditEvents: Operation<Call<ListAuditEventsRequest>, AuditPage>
}

/** The operations, each run watched by `observer`. */
export function createOperations (dependencies: Dependencies, observer: Observer): Operations {
  const operation = <C extends object, Ctx extends object, Result>(pipeline: Pipeline<C, Ctx>, result: (ctx: Readonly<Ctx>) => Result): Operation<C, Result> =>
    async (call, signal) => result(await pipeline.run(call, observer, signal))
  return {
    create: operation(create(dependencies), toView),
    apply: operation(apply(dependencies), toView),
    get: operation(get(dependencies), toView),
    getByReference: operation(getByReference(dependencies), toView),
    delete: operation(deleteContext(dependencies), toView),
    listAuditEvents: operation(listAuditEvents(dependencies), ({ page }) => page)
  }
}

const toView = ({ record: { id, revision }, answer: { view, json } }: { record: StoredRecord, answer: Answer }): ContextView =>
  ({ id, revision, view, json })
