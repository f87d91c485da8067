import { context, SpanStatusCode, trace, type Span } from '@opentelemetry/api'
import type { Logger } from 'pino'
import { systemClock } from '../clock.js'
import { GatewayError } from '../errors.js'
import type { Observer, PipelineFailure, Watch } from '../pipeline/pipeline.js'

const tracer = trace.getTracer('execution-context-gateway')

/**
 * The observer of every pipeline run: an OpenTelemetry span for the run with a sibling span per step under it,
 * and, at level `debug`, one log line that holds each step's milliseconds. Without a tracer and above `debug`
 * it watches nothing.
 */
export function createObserver (log: Logger): Observer {
  return {
    begin (pipeline, start) {
      const span = tracer.startSpan(`pipeline ${pipeline}`)
      if (!span.isRecording() && !log.isLevelEnabled('debug')) return undefined
      return watch(log, pipeline, requestIdOf(start), span)
    }
  }
}

function watch (log: Logger, pipeline: string, requestId: unknown, span: Span): Watch {
  const parent = trace.setSpan(context.active(), span)
  const began = systemClock.monotonic()
  const steps: Record<string, number> = {}

  return {
    step (name, work) {
      const stepSpan = tracer.startSpan(`step ${name}`, {}, parent)
      const stepBegan = systemClock.monotonic()
      const end = () => {
        steps[name] = milliseconds(stepBegan)
        stepSpan.end()
      }
      const fail = (error: unknown): never => {
        markFailed(stepSpan, error)
        end()
        throw error
      }
      let result: ReturnType<typeof work>
      try {
        result = context.with(trace.setSpan(parent, stepSpan), work)
      } catch (error) {
        return fail(error)
      }
      if (result instanceof Promise) return result.then(value => { end(); return value }, fail)
      end()
      return result
    },
    end (failure?: PipelineFailure) {
      if (failure !== undefined) markFailed(span, failure)
      span.end()
      log.debug(
        {
          request_id: requestId,
          pipeline,
          steps,
          duration_ms: milliseconds(began),
          code: failure && codeOf(failure),
          failed_step: failure?.step
        },
        'pipeline'
      )
    }
  }
}

/** Of the call that the run starts from, where it has an origin. */
function requestIdOf (start: object): unknown {
  const { origin } = start as { origin?: { requestId?: unknown } }
  return origin?.requestId
}

/** Since `began`, to the microsecond. */
const milliseconds = (began: number) => Math.round((systemClock.monotonic() - began) * 1000) / 1000

// The code alone, as a caller is told it: a cause's own text may quote what was sent.
const codeOf = (error: unknown) => GatewayError.from(error).code
const markFailed = (span: Span, error: unknown) => span.setStatus({ code: SpanStatusCode.ERROR, message: codeOf(error) })
