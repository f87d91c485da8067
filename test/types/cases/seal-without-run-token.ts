// names: Seal, runToken
import type { ExecutionContext } from '../../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { executionContextKind as kind } from '../../../src/kinds/execution-context/kind.js'
import { Pipeline } from '../../../src/pipeline/pipeline.js'
import type { View } from '../../../src/resource/call.js'
import type { Vault } from '../../../src/secrets/vault.js'
import { seal } from '../../../src/steps/seal.js'

export const forgotten = (vault: Vault) => Pipeline.from<{ resource: ExecutionContext, view: View }>('forgotten')
  .step(seal(vault, kind))
