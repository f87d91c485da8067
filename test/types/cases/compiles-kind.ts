// A kind that issues no run token, and what a create of it is made of.
import type { ExecutionContext } from '../../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import type { Dependencies } from '../../../src/kinds/dependencies.js'
import { Pipeline } from '../../../src/pipeline/pipeline.js'
import type { Call } from '../../../src/resource/call.js'
import type { ResourceKind } from '../../../src/resource/kind.js'
import { authorize } from '../../../src/steps/authorize.js'
import { buildNewState } from '../../../src/steps/build-new-state.js'
import { persist } from '../../../src/steps/persist.js'
import { resolveSlug } from '../../../src/steps/resolve-slug.js'
import { seal } from '../../../src/steps/seal.js'

type Note = ExecutionContext
declare const noteKind: ResourceKind<Note, object, object>

export const create = ({ store, audit, vault, clock }: Dependencies) => Pipeline.from<Call<Note>>('create')
  .step(authorize(audit, noteKind.label))
  .step(resolveSlug)
  .step(buildNewState(noteKind, clock))
  .step(seal(vault, noteKind))
  .step(persist(store, audit, noteKind))
