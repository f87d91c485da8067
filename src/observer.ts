import { context, SpanStatusCode, trace, type Span } from '@opentelemetry/api'
import type { Logger } from 'pino'
import type { Observer, PipelineFailure, Watch } from './pipeline/pipeline.js'

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
      return watch(log, pipeline, 'requestId' in start ? start.requestId : undefined, span)
    }
  }
}

function watch (log: Logger, pipeline: string, requestId: unknown, span: Span): Watch {
  const parent = trace.setSpan(context.active(), span)
  const began = performance.now()
  const steps: Record<string, number> = {}

  return {
    step (name, work) {
      const stepSpan = tracer.startSpan(`step ${name}`, {}, parent)
      const stepBegan = performance.now()
      const done = (error?: unknown) => {
        steps[name] = milliseconds(stepBegan)
        if (error !== undefined) stepSpan.setStatus({ code: SpanStatusCode.ERROR, message: codeOf(error) })
        stepSpan.end()
      }
      const fail = (error: unknown): never => {
        done(error)
        throw error
      }
      try {
        const result = context.with(trace.setSpan(parent, stepSpan), work)
        if (result instanceof Promise) return result.then(value => { done(); return value }, fail)
        done()
        return result
      } catch (error) {
        return fail(error)
      }
    },
    end (failure?: PipelineFailure) {
      if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: codeOf(failure) })
      span.end()
      log.debug({ request_id: requestId, pipeline, steps, duration_ms: milliseconds(began), code: failure && codeOf(failure), failed_step: failure?.step }, 'pipeline')
    }
  }
}

/** Since `began`, to the microsecond. */
const milliseconds = (began: number) => Math.round((performance.now() - began) * 1000) / 1000

// Never the message: a cause's text may quote what a caller sent.
const codeOf = (error: unknown) => error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'internal'
