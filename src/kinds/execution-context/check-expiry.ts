import { invalidArgument } from '../../errors.js'
import type { ExecutionContext } from '../../gen/ai/stigmer/agentic/executioncontext/v1/api_pb.js'
import { exactMs } from '../../resource/duration.js'
import type { Lifetimes } from '../../resource/lifetimes.js'
import { step } from '../../pipeline/pipeline.js'

const LEAST_MS = 1_000

/** Settles how long the new context lives, in milliseconds. @throws `invalid_argument` with the bounds, where it may not */
export const checkExpiry = ({ defaultMs, maxMs }: Lifetimes) =>
  step('CheckExpiry', ({ input: { spec } }: { input: ExecutionContext }) => {
    const refuse = (field: string, detail: string) => invalidArgument([{ pointer: `/spec/${field}`, detail }])
    const bounds = `must be at least "1s" and at most "${maxMs / 1000}s"`
    const ttlMs = spec?.ttl === undefined ? defaultMs : exactMs(spec.ttl)
    if (ttlMs < LEAST_MS || ttlMs > maxMs) throw refuse('ttl', bounds)
    const leaseMs = spec?.lease && exactMs(spec.lease)
    if (leaseMs !== undefined && (leaseMs < LEAST_MS || leaseMs > maxMs)) throw refuse('lease', bounds)
    if (leaseMs !== undefined && leaseMs > ttlMs) {
      const where = spec?.ttl === undefined ? ' where it is left out' : ''
      throw refuse('lease', `must not be longer than the ttl, which is "${ttlMs / 1000}s"${where}`)
    }
    return { ttlMs: Math.floor(ttlMs) }
  })
