import { ExecutionContextIdSchema, type ExecutionContextId } from '../../gen/ai/stigmer/agentic/executioncontext/v1/io_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import { authorize } from '../../steps/authorize.js'
import type { ReadCall } from '../../resource/call.js'
import { disclose } from '../../steps/disclose.js'
import { loadVersion } from '../../steps/load-version.js'
import { validateProto } from '../../steps/validate-proto.js'
import { executionContextKind as kind } from './kind.js'
import type { Dependencies } from '../dependencies.js'

const idOf = ({ value }: ExecutionContextId) => value

/** Reads a context by its id, as it is or as it was before a rotation. */
export const get = ({ store, audit, vault }: Dependencies) => Pipeline.from<ReadCall<ExecutionContextId>>('get')
  .step(authorize(audit, kind.label, { viewers: true, target: (input: ExecutionContextId) => ({ contextId: idOf(input) }) }))
  .step(validateProto(ExecutionContextIdSchema))
  .step(loadVersion(store, vault, kind, idOf))
  .step(disclose(audit, kind))
