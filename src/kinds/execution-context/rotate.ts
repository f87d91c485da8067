import { RotateExecutionContextRequestSchema, type RotateExecutionContextRequest } from '../../gen/ectx/v1/execution_context_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import type { NamedCall } from '../../resource/call.js'
import { authorize } from '../../steps/authorize.js'
import { checkRevision } from '../../steps/check-revision.js'
import { loadTarget } from '../../steps/load-target.js'
import { remember } from '../../steps/remember.js'
import { replace } from '../../steps/replace.js'
import { supersede } from '../../steps/supersede.js'
import { validateProto } from '../../steps/validate-proto.js'
import { checkGrace } from './check-grace.js'
import { executionContextKind as kind } from './kind.js'
import { replaceSecrets } from './replace-secrets.js'
import { replay } from './replay.js'
import type { Dependencies } from '../dependencies.js'

/** A rotation may be made conditional: where `onlyRevisions` is given, the context must have one of them. */
export interface RotateCall extends NamedCall<RotateExecutionContextRequest> {
  readonly onlyRevisions: readonly number[] | undefined
}

/** What a rotation is about. */
export const rotatedId = ({ id }: RotateExecutionContextRequest) => id

/** Gives secrets that a context has new values: the one thing that ever changes in it. Those of before can be read for a while. */
export const rotate = ({ store, audit, vault, clock }: Dependencies) => Pipeline.from<RotateCall>('rotate')
  .step(authorize(audit, kind.label))
  .step(validateProto(RotateExecutionContextRequestSchema))
  .step(replay(store, audit, vault, RotateExecutionContextRequestSchema))
  .step(loadTarget(store, vault, kind, rotatedId))
  .step(checkRevision(kind))
  .step(replaceSecrets)
  .step(checkGrace)
  .step(supersede(vault, kind, clock))
  .step(remember(clock))
  .step(replace(store, audit))
