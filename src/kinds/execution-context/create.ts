import { ExecutionContextSchema, type ExecutionContext } from '../../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { Pipeline } from '../../pipeline/pipeline.js'
import { authorize } from '../../steps/authorize.js'
import { buildNewState } from '../../steps/build-new-state.js'
import type { CreateCall } from '../../resource/call.js'
import { checkDuplicate } from '../../steps/check-duplicate.js'
import { checkExpiry } from './check-expiry.js'
import { issueRunToken } from './issue-run-token.js'
import { persist } from '../../steps/persist.js'
import { remember } from '../../steps/remember.js'
import { resolveSlug } from '../../steps/resolve-slug.js'
import { seal } from '../../steps/seal.js'
import { validateProto } from '../../steps/validate-proto.js'
import { replay } from './replay.js'
import { executionContextKind as kind, RULE_FIELDS } from './kind.js'
import type { Dependencies } from '../dependencies.js'

/** Creates a context whose slug nobody has. */
export const create = ({ store, audit, vault, clock, lifetimes }: Dependencies) => Pipeline.from<CreateCall<ExecutionContext>>('create')
  .step(authorize(audit, kind.label))
  .step(validateProto(ExecutionContextSchema, RULE_FIELDS))
  .step(replay(store, audit, vault, ExecutionContextSchema))
  .step(checkExpiry(lifetimes))
  .step(resolveSlug)
  .step(checkDuplicate(store, vault, kind))
  .step(buildNewState(kind, clock))
  .step(issueRunToken)
  .step(seal(vault, kind))
  .step(remember(clock))
  .step(persist(store, audit, kind))
