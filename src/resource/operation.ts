import type { Observer, Pipeline } from '../pipeline/pipeline.js'

/**
 * Runs one operation. An aborted `signal` stops it before its next step.
 * @throws {PipelineFailure}, whose GatewayError `GatewayError.from` finds
 */
export type Operation<Call, Result> = (call: Call, signal?: AbortSignal) => Promise<Result>

/** `pipeline` as an operation that answers what its run leaves under `result`. */
export const operation = <Call extends object, Key extends string, Ctx extends { readonly [K in Key]: unknown }>(
  pipeline: Pipeline<Call, Ctx>, result: Key, observer: Observer
): Operation<Call, Ctx[Key]> => async (call, signal) => (await pipeline.run(call, observer, signal))[result]
