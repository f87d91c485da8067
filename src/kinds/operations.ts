import type { Observer } from '../pipeline/pipeline.js'
import { executionContextOperations, type ExecutionContextOperations } from './execution-context/operations.js'
import { auditEventOperations, type AuditEventOperations } from './audit-event/operations.js'
import { withDeadlines } from '../resource/deadline.js'
import type { Dependencies } from './dependencies.js'

/** All that the gateway can do, by kind; every transport calls these and nothing else. */
export interface Operations {
  readonly executionContexts: ExecutionContextOperations
  readonly auditEvents: AuditEventOperations
}

/** The operations of every kind, each run watched by `observer` and answered in so many milliseconds. */
export const createOperations = (dependencies: Dependencies, observer: Observer, timeoutMs: number): Operations => ({
  executionContexts: withDeadlines(executionContextOperations(dependencies, observer), timeoutMs),
  auditEvents: withDeadlines(auditEventOperations(dependencies, observer), timeoutMs)
})
