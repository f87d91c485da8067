import { ExecutionContextIdSchema, type ExecutionContextId } from '../../gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import { authorize } from '../../steps/authorize.js'
import type { Call } from '../../resource/call.js'
import { loadTarget } from '../../steps/load-target.js'
import { renewLease } from '../../steps/renew-lease.js'
import { validateProto } from '../../steps/validate-proto.js'
import { executionContextKind as kind } from './kind.js'
import type { Dependencies } from '../dependencies.js'

const idOf = ({ value }: ExecutionContextId) => value

/** Says that a context with a lease is in use: it lives for that long from now on. */
export const heartbeat = ({ store, audit, vault, clock }: Dependencies) => Pipeline.from<Call<ExecutionContextId>>('heartbeat')
  .step(authorize(audit, kind.label, { target: (input: ExecutionContextId) => ({ contextId: idOf(input) }) }))
  .step(validateProto(ExecutionContextIdSchema))
  .step(loadTarget(store, vault, kind, idOf))
  .step(renewLease(store, audit, kind, clock))
