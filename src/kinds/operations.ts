import type { Observer } from '../pipeline/pipeline.js'
import { executionContextOperations, type ExecutionContextOperations } from './execution-context/operations.js'
import { auditEventOperations, type AuditEventOperations } from './audit-event/operations.js'
import type { Dependencies } from './dependencies.js'

/** All that the gateway can do, by kind; every transport calls these and nothing else. */
export interface Operations {
  readonly executionContexts: ExecutionContextOperations
  readonly auditEvents: AuditEventOperations
}

/** The operations of every kind, each run watched by `observer`. */
export const createOperations = (dependencies: Dependencies, observer: Observer): Operations => ({
  executionContexts: executionContextOperations(dependencies, observer),
  auditEvents: auditEventOperations(dependencies, observer)
})
