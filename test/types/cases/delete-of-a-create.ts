// names: ExtractResourceId, input
import type { ExecutionContext } from '../../../src/gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { Pipeline } from '../../../src/pipeline/pipeline.js'
import type { Call } from '../../../src/resource/call.js'
import { extractResourceId } from '../../../src/steps/extract-resource-id.js'

export const confused = Pipeline.from<Call<ExecutionContext>>('delete').step(extractResourceId)
