import { invalidArgument } from '../../errors.js'
import type { RotateExecutionContextRequest } from '../../gen/ectx/v1/execution_context_pb.js'
import { step } from '../../pipeline/pipeline.js'
import { exactMs } from '../../resource/duration.js'
import type { Opened } from '../../resource/sealed-record.js'

const DEFAULT_MS = 5 * 60_000

interface Needs {
  readonly input: Pick<RotateExecutionContextRequest, 'grace'>
  readonly opened: Opened
}

/**
 * Settles for how long the values of before stay readable, in milliseconds; the end of the context comes first all the same.
 * @throws `invalid_argument` where that is more than the whole time to live
 */
export const checkGrace = step('CheckGrace', ({ input: { grace }, opened: { json } }: Needs): { graceMs: number } => {
  if (grace === undefined) return { graceMs: DEFAULT_MS }
  const graceMs = exactMs(grace)
  const { audit: { spec_audit: { created_at: from } }, expire_time: to } = JSON.parse(json).status
  const mostMs = Date.parse(to) - Date.parse(from)
  if (graceMs >= 0 && graceMs <= mostMs) return { graceMs: Math.floor(graceMs) }
  throw invalidArgument([{
    pointer: '/grace', detail: `must be at least "0s", and not longer than the time to live of the context, which is "${mostMs / 1000}s"`
  }])
})
