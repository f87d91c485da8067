// names: Persist, record, answer
import { executionContextKind as kind } from '../../../src/kinds/execution-context/kind.js'
import type { Dependencies } from '../../../src/kinds/dependencies.js'
import type { ExecutionContext } from '../../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { Pipeline } from '../../../src/pipeline/pipeline.js'
import { authorize } from '../../../src/steps/authorize.js'
import { buildNewState } from '../../../src/steps/build-new-state.js'
import type { CreateCall } from '../../../src/resource/call.js'
import { checkExpiry } from '../../../src/kinds/execution-context/check-expiry.js'
import { issueRunToken } from '../../../src/kinds/execution-context/issue-run-token.js'
import { persist } from '../../../src/steps/persist.js'
import { resolveSlug } from '../../../src/steps/resolve-slug.js'
import { seal } from '../../../src/steps/seal.js'

export const create = ({ store, audit, vault, clock, lifetimes }: Dependencies) => Pipeline.from<CreateCall<ExecutionContext>>('create')
  .step(authorize(audit, kind.label))
  .step(checkExpiry(lifetimes))
  .step(resolveSlug)
  .step(persist(store, audit, kind))
  .step(buildNewState(kind, clock))
  .step(issueRunToken)
  .step(seal(vault, kind))
