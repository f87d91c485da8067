import type { Duration } from '@bufbuild/protobuf/wkt'
import { invalidArgument } from '../../errors.js'
import type { ExecutionContext } from '../../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import type { Lifetimes } from '../../resource/lifetimes.js'
import { step } from '../../pipeline/pipeline.js'

const LEAST_MS = 1_000

/** Settles how long the new context lives, in milliseconds. @throws `invalid_argument` with the bounds, where it may not */
export const checkExpiry = ({ defaultMs, maxMs }: Lifetimes) =>
  step('CheckExpiry', ({ input: { spec } }: { input: ExecutionContext }) => {
    const ttlMs = spec?.ttl === undefined ? defaultMs : wholeMilliseconds(spec.ttl)
    if (ttlMs < LEAST_MS || ttlMs > maxMs) {
      throw invalidArgument([{ pointer: '/spec/ttl', detail: `must be at least "1s" and at most "${maxMs / 1000}s"` }])
    }
    return { ttlMs }
  })

/** What is less than a millisecond does not count. */
const wholeMilliseconds = ({ seconds, nanos }: Duration): number => Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000)
