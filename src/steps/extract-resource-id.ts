import type { ApiResourceDeleteInput } from '../gen/ai/stigmer/commons/apiresource/io_pb.js'
import { step } from '../pipeline/pipeline.js'

/** Takes the id out of a delete's input. */
export const extractResourceId = step('ExtractResourceId', ({ input }: { input: ApiResourceDeleteInput }) => ({ id: input.resourceId }))
