import type { AuditLog } from '../audit/audit-log.js'
import type { AuditEvent, AuditEventName } from '../audit/event.js'
import type { Run } from '../pipeline/pipeline.js'
import type { StoredRecord } from '../storage/store.js'
import type { Origin } from './call.js'

/** What the steps need of the audit log. */
export type Auditor = Pick<AuditLog, 'admit' | 'record' | 'recordEventually' | 'query'>

/** What every event of an operation tells. */
export interface Happening extends Run {
  readonly origin: Origin
}

/**
 * The event that an operation brought about, on `record` where there is one, which revealed the secrets named `keys`; it
 * ended well unless told otherwise.
 */
export const eventOf = (
  event: AuditEventName,
  { operation, origin: { caller, requestId, remoteAddress } }: Happening,
  record?: StoredRecord,
  keys?: readonly string[]
): AuditEvent => ({
  event,
  caller,
  operation,
  context_id: record?.id,
  slug: record?.slug,
  execution_id: record?.indexed.execution_id?.[0],
  keys,
  request_id: requestId,
  remote_address: remoteAddress,
  outcome: 'ok'
})

/** The event that `record` was deleted, which revealed the secrets named `keys`, and whether they were shredded. */
export const deletedEvent = (happening: Happening, record: StoredRecord, shredded: boolean, keys?: readonly string[]): AuditEvent =>
  ({ ...eventOf('deleted', happening, record, keys), ...shredded && { shredded } })
