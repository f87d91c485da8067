import type { ListAuditEventsRequest } from '../gen/ectx/audit/v1/query_pb.js'
import { step } from '../pipeline/pipeline.js'
import type { Auditor } from '../resource/audit-event.js'

const PAGE_SIZE = 100

/** Reads the page of the audit log that the input asks for. */
export const loadAuditEvents = (audit: Auditor) =>
  step('LoadAuditEvents', async ({ input }: { input: ListAuditEventsRequest }) => ({
    page: await audit.query({
      contextId: input.contextId || undefined,
      executionId: input.executionId || undefined,
      pageSize: input.pageSize || PAGE_SIZE,
      pageToken: input.pageToken || undefined
    })
  }))
