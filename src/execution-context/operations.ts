import type { AuditPage } from '../audit/query.js'
import type { ExecutionContext } from '../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import type { ExecutionContextId } from '../gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import type { ApiResourceReference } from '../gen/ai/stigmer/commons/apiresource/io_pb.js'
import type { ListAuditEventsRequest } from '../gen/ectx/audit/v1/query_pb.js'
import type { Observer, Pipeline } from '../pipeline/pipeline.js'
import type { Vault } from '../secrets/vault.js'
import type { Auditor } from '../steps/audit-event.js'
import type { Call, CreateCall, ReadCall, Shown } from '../steps/call.js'
import type { Answer, Reading } from '../steps/resource-kind.js'
import type { Store, StoredRecord } from '../storage/store.js'
import { apply } from './apply.js'
import { create } from './create.js'
import { deleteContext, type DeleteCall } from './delete.js'
import { getByReference } from './get-by-reference.js'
import { get } from './get.js'
import { listAuditEvents } from './list-audit-events.js'

/** What the operations work on. */
export interface Dependencies {
  readonly store: Store
  readonly audit: Auditor
  readonly vault: Vault
}

/** A context as an operation answers it, ready to send. */
export interface ContextView extends Shown {
  /** The resource as JSON. */
  readonly json: string
}

/** How a read of a context ends. */
export interface ContextReading extends Shown, Reading {}

/** Runs one operation. @throws {PipelineFailure}, whose GatewayError `GatewayError.from` finds */
export type Operation<C, Result = ContextView> = (call: C, signal?: AbortSignal) => Promise<Result>

/** All that can be done with ExecutionContexts; every transport calls these and nothing else. */
export interface Operations {
  readonly create: Operation<CreateCall<ExecutionContext>>
  readonly apply: Operation<CreateCall<ExecutionContext>>
  readonly get: Operation<ReadCall<ExecutionContextId>, ContextReading>
  readonly getByReference: Operation<ReadCall<ApiResourceReference>, ContextReading>
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
    get: operation(get(dependencies), toReading),
    getByReference: operation(getByReference(dependencies), toReading),
    delete: operation(deleteContext(dependencies), toView),
    listAuditEvents: operation(listAuditEvents(dependencies), ({ page }) => page)
  }
}

const toView = ({ record: { id, revision }, answer: { view, json } }: { record: StoredRecord, answer: Answer }): ContextView =>
  ({ id, revision, view, json })

const toReading = ({ record: { id, revision }, answer: { view, json, bytes } }: { record: StoredRecord, answer: Reading }): ContextReading =>
  json === undefined ? { id, revision, view, bytes } : { id, revision, view, json }
