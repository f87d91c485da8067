import { AsyncLocalStorage } from 'node:async_hooks'
import { context, ROOT_CONTEXT, SpanStatusCode, trace, type Context, type ContextManager } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SamplingDecision, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import t from 'tap'
import { GatewayError } from '../../src/errors.js'
import { createLogger } from '../../src/telemetry/log.js'
import { createObserver } from '../../src/telemetry/observer.js'
import { Pipeline, step } from '../../src/pipeline/pipeline.js'

/** Carries the active context across `await`, as an OpenTelemetry SDK for Node does. */
class AsyncContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()

  active () { return this.#storage.getStore() ?? ROOT_CONTEXT }
  with: ContextManager['with'] = (active, work, self, ...args) => this.#storage.run(active, () => work.apply(self, args))
  bind: ContextManager['bind'] = (_, target) => target
  enable () { return this }
  disable () { return this }
}

const exporter = new InMemorySpanExporter()
let decision = SamplingDecision.RECORD_AND_SAMPLED
const provider = new BasicTracerProvider({
  spanProcessors: [new SimpleSpanProcessor(exporter)],
  sampler: { shouldSample: () => ({ decision }) }
})

/** A logger at `level` and what it wrote. */
function logAt (level: 'debug' | 'info') {
  const lines: Array<Record<string, unknown>> = []
  return { lines, log: createLogger(level, { write: line => { lines.push(JSON.parse(line)) } }) }
}

const SECRET = 'hunter2'
const nothing: unknown = undefined
const refusal = new GatewayError('not_found', SECRET)
const hash = step('Hash', ({ text }: { text: string }) => ({ hash: text.length }))
const save = step('Save', async ({ hash }: { hash: number }) => ({ saved: await Promise.resolve(hash) }))
const refuse = step('Refuse', () => { throw refusal })
const refuseLater = step('RefuseLater', async () => { throw refusal })
const start = Pipeline.from<{ text: string, origin?: { requestId: string } }>('note')

t.test('without a tracer and above debug nobody watches', async t => {
  const { log, lines } = logAt('info')
  t.equal(createObserver(log).begin('note', {}), undefined)
  t.strictSame(lines, [])
})

t.test('at debug', async t => {
  const { log, lines } = logAt('debug')
  const observer = createObserver(log)
  t.beforeEach(() => { lines.length = 0 })

  t.test('one line tells a run: its request, its steps in order, and how long each took', async t => {
    await start.step(hash).step(save).run({ text: SECRET, origin: { requestId: 'r1' } }, observer)
    const [line] = lines
    t.equal(lines.length, 1)
    t.match(line, { level: 'debug', msg: 'pipeline', pipeline: 'note', request_id: 'r1', duration_ms: Number })
    t.strictSame(Object.entries(line?.steps ?? {}).map(([name, took]) => [name, typeof took]), [['Hash', 'number'], ['Save', 'number']])
    t.notOk('code' in line!)
    t.notMatch(JSON.stringify(line), SECRET)
  })

  t.test('the line of a failed run has the step and the code, and no text of the cause', async t => {
    await t.rejects(start.step(hash).step(refuseLater).run({ text: SECRET }, observer))
    t.match(lines, [{ code: 'not_found', failed_step: 'RefuseLater', steps: { Hash: Number, RefuseLater: Number } }])
    t.notMatch(JSON.stringify(lines), SECRET)
  })

  t.test('a failure of no code of ours is internal', async t => {
    const crash = step('Crash', () => { throw Object.assign(new Error(SECRET), { code: SECRET }) })
    await t.rejects(start.step(crash).run({ text: '' }, observer))
    t.match(lines, [{ code: 'internal', failed_step: 'Crash' }])
    t.notMatch(JSON.stringify(lines), SECRET)
  })

  t.test('a run that took too long is deadline_exceeded', async t => {
    const timeout = new DOMException('late', 'TimeoutError')
    await t.rejects(start.step(hash).run({ text: '' }, observer, AbortSignal.abort(timeout)))
    t.match(lines, [{ code: 'deadline_exceeded', failed_step: 'Hash' }])
  })
})

t.test('with a tracer', async t => {
  t.ok(context.setGlobalContextManager(new AsyncContexts()))
  t.ok(trace.setGlobalTracerProvider(provider))
  t.beforeEach(() => exporter.reset())

  const observer = createObserver(logAt('info').log)
  const named = (name: string) => {
    const found = exporter.getFinishedSpans().filter(span => span.name === name)
    if (found.length !== 1) throw new Error(`${found.length} spans are named ${name}`)
    return found[0]!
  }
  const parentOf = (span: ReadableSpan) => span.parentSpanContext?.spanId

  t.test('a run is one span, with one for each step under it, side by side', async t => {
    await start.step(hash).step(save).run({ text: SECRET }, observer)
    t.strictSame(exporter.getFinishedSpans().map(({ name }) => name), ['step Hash', 'step Save', 'pipeline note'])
    const run = named('pipeline note')
    t.equal(parentOf(run), undefined)
    for (const span of [named('step Hash'), named('step Save')]) t.equal(parentOf(span), run.spanContext().spanId)
    for (const { status } of exporter.getFinishedSpans()) t.equal(status.code, SpanStatusCode.UNSET)
    t.notMatch(JSON.stringify(exporter.getFinishedSpans().map(({ name, attributes, events }) => ({ name, attributes, events }))), SECRET)
  })

  t.test('a run is a child of the span that is active where it starts', async t => {
    await provider.getTracer('test').startActiveSpan('request', async request => {
      await start.step(hash).run({ text: '' }, observer)
      request.end()
    })
    t.equal(parentOf(named('pipeline note')), named('request').spanContext().spanId)
  })

  t.test("a span started inside a step is a child of that step's, after an await too", async t => {
    const query = step('Query', async () => {
      provider.getTracer('driver').startSpan('first').end()
      await Promise.resolve()
      provider.getTracer('driver').startSpan('second').end()
    })
    await start.step(query).run({ text: '' }, observer)
    for (const name of ['first', 'second']) t.equal(parentOf(named(name)), named('step Query').spanContext().spanId)
  })

  for (const failing of [refuse, refuseLater]) {
    t.test(`the failure of ${failing.name} marks its span and the run's with the code, and leaks no text`, async t => {
      await t.rejects(start.step(hash).step(failing).run({ text: '' }, observer), { cause: refusal })
      for (const name of [`step ${failing.name}`, 'pipeline note']) {
        t.strictSame(named(name).status, { code: SpanStatusCode.ERROR, message: 'not_found' })
        t.strictSame(named(name).events, [])
      }
      t.equal(named('step Hash').status.code, SpanStatusCode.UNSET)
    })
  }

  t.test('a step that fails with undefined has failed all the same', async t => {
    await t.rejects(start.step(step('Odd', () => Promise.reject(nothing))).run({ text: '' }, observer))
    t.equal(named('step Odd').status.code, SpanStatusCode.ERROR)
  })

  t.test('a run that is not sampled is not watched', async t => {
    decision = SamplingDecision.NOT_RECORD
    t.teardown(() => { decision = SamplingDecision.RECORD_AND_SAMPLED })
    t.equal(observer.begin('note', {}), undefined)
  })
})
