import { ExecutionContextSchema, type ExecutionContext } from '../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { Pipeline } from '../pipeline/pipeline.js'
import { authorize } from '../steps/authorize.js'
import { buildNewState } from '../steps/build-new-state.js'
import type { Call } from '../steps/call.js'
import { checkDuplicate } from '../steps/check-duplicate.js'
import { persist } from '../steps/persist.js'
import { resolveSlug } from '../steps/resolve-slug.js'
import { validateProto } from '../steps/validate-proto.js'
import type { Store } from '../storage/store.js'
import { executionContextKind as kind, RULE_FIELDS } from './kind.js'

/** Creates a context whose slug nobody has. */
export const create = (store: Store) => Pipeline.from<Call<ExecutionContext>>('create')
  .step(authorize(`create ${kind.label}`))
  .step(validateProto(ExecutionContextSchema, RULE_FIELDS))
  .step(resolveSlug)
  .step(checkDuplicate(store, kind))
  .step(buildNewState(kind))
  .step(persist(store, kind))
