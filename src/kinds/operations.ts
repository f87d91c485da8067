import type { Observer } from '../pipeline/pipeline.js'
import { executionContextOperations, type ExecutionContextOperations } from './execution-context/operations.js'
import { auditEventOperations, type AuditEventOperations } from './audit-event/operations.js'
import type { EventDependencies } from './event/dependencies.js'
import { eventOperations, type EventOperations } from './event/operations.js'
import { withDeadlines } from '../resource/deadline.js'
import type { Dependencies } from './dependencies.js'

const MOST_WAIT_MS = 30_000

/** All that the gateway can do, by kind; every transport calls these and nothing else. */
export interface Operations {
  readonly executionContexts: ExecutionContextOperations
  readonly auditEvents: AuditEventOperations
  readonly events: EventOperations
}

/** The operations of every kind, each run watched by `observer` and answered in so many milliseconds. */
export const createOperations = (dependencies: Dependencies & EventDependencies, observer: Observer, timeoutMs: number): Operations => ({
  executionContexts: withDeadlines(executionContextOperations(dependencies, observer), timeoutMs),
  auditEvents: withDeadlines(auditEventOperations(dependencies, observer), timeoutMs),
  // Who lists them may wait for as long as that.
  events: withDeadlines(eventOperations(dependencies, observer), timeoutMs + MOST_WAIT_MS)
})
