// names: Persist, resource
import { executionContextKind as kind } from '../../../src/execution-context/kind.js'
import type { ExecutionContext } from '../../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { Pipeline } from '../../../src/pipeline/pipeline.js'
import { authorize } from '../../../src/steps/authorize.js'
import { buildNewState } from '../../../src/steps/build-new-state.js'
import type { Call } from '../../../src/steps/call.js'
import { persist } from '../../../src/steps/persist.js'
import { resolveSlug } from '../../../src/steps/resolve-slug.js'
import type { Store } from '../../../src/storage/store.js'

export const create = (store: Store) => Pipeline.from<Call<ExecutionContext>>('create')
  .step(authorize('create Execution Context'))
  .step(resolveSlug)
  .step(persist(store, kind))
  .step(buildNewState(kind))
