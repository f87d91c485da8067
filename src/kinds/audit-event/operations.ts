import type { AuditPage } from '../../audit/audit-log.js'
import type { ListAuditEventsRequest } from '../../gen/ectx/audit/v1/query_pb.js'
import type { Observer } from '../../pipeline/pipeline.js'
import type { Call } from '../../resource/call.js'
import { operation, type Operation } from '../../resource/operation.js'
import type { Dependencies } from '../dependencies.js'
import { listAuditEvents } from './list.js'

/** All that can be done with audit events. */
export interface AuditEventOperations {
  readonly list: Operation<Call<ListAuditEventsRequest>, AuditPage>
}

/** The operations, each run watched by `observer`. */
export const auditEventOperations = (dependencies: Pick<Dependencies, 'audit'>, observer: Observer): AuditEventOperations => ({
  list: operation(listAuditEvents(dependencies), 'page', observer)
})
