// names: Persist, record
import { executionContextKind as kind } from '../../../src/execution-context/kind.js'
import { Pipeline } from '../../../src/pipeline/pipeline.js'
import type { ExecutionContext } from '../../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { persist } from '../../../src/steps/persist.js'
import type { Store } from '../../../src/storage/store.js'

export const twice = (store: Store) => Pipeline.from<{ resource: ExecutionContext, slug: string }>('twice')
  .step(persist(store, kind))
  .step(persist(store, kind))
