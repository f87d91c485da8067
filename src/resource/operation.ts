import type { Observer, Stop } from '../pipeline/pipeline.js'

/**
 * Runs one operation. An aborted `signal` stops it before its next step.
 * @throws {PipelineFailure}, whose GatewayError `GatewayError.from` finds
 */
export type Operation<Call, Result> = (call: Call, signal?: Stop) => Promise<Result>

/** `pipeline` as an operation that answers what its run leaves under `result`, wherever it ends. */
export const operation = <Call extends object, Key extends string, Left extends { readonly [K in Key]: unknown }>(
  pipeline: Runnable<Call, Left>, result: Key, observer: Observer
): Operation<Call, Left[Key]> => async (call, signal) => (await pipeline.run(call, observer, signal))[result]

/** A pipeline, as far as its runs are concerned. */
interface Runnable<Call, Left> {
  run (call: Call, observer: Observer, signal?: Stop): Promise<Left>
}
