// names: CheckDuplicate, BuildNewState, slug
import { systemClock } from '../../../src/clock.js'
import { executionContextKind as kind } from '../../../src/kinds/execution-context/kind.js'
import type { ExecutionContext } from '../../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { Pipeline } from '../../../src/pipeline/pipeline.js'
import { buildNewState } from '../../../src/steps/build-new-state.js'
import type { Call } from '../../../src/resource/call.js'
import { checkDuplicate } from '../../../src/steps/check-duplicate.js'
import type { Vault } from '../../../src/secrets/vault.js'
import type { Store } from '../../../src/storage/store.js'

const start = Pipeline.from<Call<ExecutionContext>>('create')
export const checked = (store: Store, vault: Vault) => start.step(checkDuplicate(store, vault, kind))
export const built = start.step(buildNewState(kind, systemClock))
