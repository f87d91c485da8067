// names: Seal, record, answer
import { executionContextKind as kind } from '../../../src/kinds/execution-context/kind.js'
import { Pipeline } from '../../../src/pipeline/pipeline.js'
import type { RunToken } from '../../../src/auth/run-token.js'
import type { ExecutionContext } from '../../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import type { Vault } from '../../../src/secrets/vault.js'
import type { View } from '../../../src/resource/call.js'
import { seal } from '../../../src/steps/seal.js'

interface Start { resource: ExecutionContext, view: View, runToken: RunToken | undefined }

export const twice = (vault: Vault) => Pipeline.from<Start>('twice')
  .step(seal(vault, kind))
  .step(seal(vault, kind))
