import { ListAuditEventsRequestSchema, type ListAuditEventsRequest } from '../../gen/ectx/audit/v1/query_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import { authorize } from '../../steps/authorize.js'
import type { Call } from '../../resource/call.js'
import { loadAuditEvents } from '../../steps/load-audit-events.js'
import { validateProto } from '../../steps/validate-proto.js'
import type { Dependencies } from '../dependencies.js'

/** Reads a page of the audit log, which outlives the contexts that it tells of. */
export const listAuditEvents = ({ audit }: Pick<Dependencies, 'audit'>) => Pipeline.from<Call<ListAuditEventsRequest>>('listAuditEvents')
  .step(authorize(audit, 'Audit Events'))
  .step(validateProto(ListAuditEventsRequestSchema))
  .step(loadAuditEvents(audit))
