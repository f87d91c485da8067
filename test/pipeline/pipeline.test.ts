import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { commit, Finish, type Observer, Pipeline, PipelineFailure, step, type Stop } from '../../src/pipeline/pipeline.js'

/** An observer that writes down what it is told. */
function recorder () {
  const told: unknown[] = []
  const observer: Observer = {
    begin (pipeline, start) {
      told.push(['begin', pipeline, start])
      return {
        step (name, work) { told.push(['step', name]); return work() },
        end (failure) { told.push(['end', failure]) }
      }
    }
  }
  return { told, observer }
}

/** What `run` rejects with. */
async function failureOf (run: Promise<unknown>): Promise<PipelineFailure> {
  const failure = await run.then(() => undefined, error => error)
  if (!(failure instanceof PipelineFailure)) throw new Error('the run has not failed as it should')
  return failure
}

const double = step('Double', ({ n }: { n: number }) => ({ twice: n * 2 }))
const later = step('Later', async ({ twice }: { twice: number }) => ({ later: await Promise.resolve(twice + 1) }))
const nothing = step('Nothing', () => {})
const fail = (thrown: unknown) => step('Fail', () => { throw thrown })
const start = Pipeline.from<{ n: number }>('sum')

t.test('a run', async t => {
  t.test('gives each step what the start and the steps before it added, and answers all of it', async t => {
    const result = await start.step(double).step(nothing).step(later).run({ n: 2 })
    t.strictSame(result, { n: 2, operation: 'sum', twice: 4, later: 5 })
  })

  t.test('of no steps answers its start, and what it is called', async t => {
    t.strictSame(await start.run({ n: 1 }), { n: 1, operation: 'sum' })
  })

  t.test('ends where a step finishes it, with what that adds, as a success', async t => {
    const recall = step('Recall', async ({ n }: { n: number }) => n > 1 ? new Finish({ twice: n + n }) : undefined)
    const pipeline = start.step(nothing).step(recall).step(double).step(later)
    t.strictSame(await pipeline.run({ n: 1 }), { n: 1, operation: 'sum', twice: 2, later: 3 })
    const { told, observer } = recorder()
    const result = await pipeline.run({ n: 2 }, observer)
    t.strictSame(result, { n: 2, operation: 'sum', twice: 4 })
    t.ok(Object.isFrozen(result))
    t.strictSame(told.slice(1), [['step', 'Nothing'], ['step', 'Recall'], ['end', undefined]])
    const smuggle = step('Smuggle', () => new Finish<{ safe: boolean }>(JSON.parse('{ "safe": true, "n": 7 }')))
    t.equal((await failureOf(start.step(smuggle).run({ n: 1 }))).step, 'Smuggle')
  })

  t.test('is called what its pipeline is called, whatever its start says', async t => {
    const said: { n: number } = JSON.parse('{ "n": 1, "operation": "another" }')
    t.strictSame(await start.run(said), { n: 1, operation: 'sum' })
  })

  t.test('freezes every context, but neither freezes nor changes what it was given', async t => {
    const contexts: object[] = []
    const look = (name: string) => step(name, (ctx: object) => { contexts.push(ctx) })
    const given = { n: 1 }
    contexts.push(await start.step(look('First')).step(double).step(look('Second')).step(later).run(given))
    t.equal(contexts.length, 3)
    for (const ctx of contexts) t.ok(Object.isFrozen(ctx))
    t.strictSame(contexts[0], { n: 1, operation: 'sum' }, 'a context stays as it was while others follow it')
    t.notOk(Object.isFrozen(given))
    t.strictSame(given, { n: 1 })
  })

  t.test('fails a step that writes to its context', async t => {
    const write = step('Write', (ctx: { n: number }) => { ctx.n = 5 })
    const failure = await failureOf(start.step(write).run({ n: 1 }))
    t.equal(failure.step, 'Write')
    t.type(failure.cause, TypeError)
  })

  t.test('fails a step that would overwrite a key unseen by its type', async t => {
    const smuggle = step('Smuggle', (): { safe: boolean } => JSON.parse('{ "safe": true, "n": 7 }'))
    const failure = await failureOf(start.step(smuggle).run({ n: 1 }))
    t.equal(failure.step, 'Smuggle')
    t.type(failure.cause, TypeError)
  })

  t.test('admits keys that every object inherits', async t => {
    const result = await start.step(step('Name', () => ({ constructor: 'mine' }))).run({ n: 1 })
    t.strictSame(result, { n: 1, operation: 'sum', constructor: 'mine' })
  })

  t.test('of synchronous steps takes no turn of the event loop, and not even one of the microtask queue', async t => {
    const order: string[] = []
    const note = (name: string) => step(name, () => { order.push(name) })
    const run = start.step(note('First')).step(double).step(note('Last')).run({ n: 1 })
    order.push('caller')
    await run
    t.strictSame(order, ['First', 'Last', 'caller'])
  })

  t.test('waits for an asynchronous step before the next', async t => {
    const order: string[] = []
    const slow = step('Slow', async () => { await nextTurn(); order.push('Slow') })
    await start.step(slow).step(step('Next', () => { order.push('Next') })).run({ n: 1 })
    t.strictSame(order, ['Slow', 'Next'])
  })

  t.test('leaves others alone: runs of one pipeline may overlap', async t => {
    const pipeline = start.step(double).step(step('Slow', async ({ n }: { n: number }) => { await nextTurn(); return { n2: n } }))
    const results = await Promise.all([1, 2, 3].map(n => pipeline.run({ n })))
    t.strictSame(results, [1, 2, 3].map(n => ({ n, operation: 'sum', twice: n * 2, n2: n })))
  })

  t.test('adds up what its steps add, whatever they are', async t => {
    const kinds = fc.constantFrom<'sync' | 'async' | 'nothing' | 'later nothing'>('sync', 'async', 'nothing', 'later nothing')
    await fc.assert(fc.asyncProperty(fc.array(kinds, { maxLength: 12 }), async kinds => {
      const seen: object[] = []
      // The list is not known to the compiler, so it is built past it.
      const pipeline = kinds.reduce((pipeline, kind, index) => {
        const added = kind.endsWith('nothing') ? undefined : { [`key${index}`]: index }
        const run = (ctx: object) => {
          seen.push(ctx)
          return kind === 'async' || kind === 'later nothing' ? Promise.resolve(added) : added
        }
        return pipeline.step({ name: kind, run } as never) as typeof start
      }, start)

      const expected = kinds.map((_, index) => before(kinds, index))
      t.strictSame(await pipeline.run({ n: 0 }), before(kinds, kinds.length))
      t.strictSame(seen, expected)
    }), { numRuns: 50 })
  })
})

/** What the first `count` steps of the property above leave behind. */
const before = (kinds: readonly string[], count: number) => ({
  n: 0,
  operation: 'sum',
  ...Object.fromEntries(kinds.slice(0, count).flatMap((kind, index) => kind.endsWith('nothing') ? [] : [[`key${index}`, index]]))
})

t.test('a pipeline', async t => {
  t.test('is not changed by a step appended to it', async t => {
    const longer = start.step(double)
    t.equal(start.steps.length, 0)
    t.strictSame(longer.steps.map(({ name }) => name), ['Double'])
    t.equal(longer.name, 'sum')
  })

  t.test('can branch: two pipelines may share a beginning', async t => {
    const shared = start.step(double)
    t.strictSame(await shared.step(later).run({ n: 1 }), { n: 1, operation: 'sum', twice: 2, later: 3 })
    t.strictSame(await shared.step(nothing).run({ n: 1 }), { n: 1, operation: 'sum', twice: 2 })
  })
})

t.test('a failure', async t => {
  const coded = Object.assign(new Error('secret text'), { code: 'not_found' })
  const rejecting = step('Fail', () => Promise.reject(coded))

  for (const [how, failing] of [['thrown', fail(coded)], ['rejected', rejecting]] as const) {
    t.test(`${how} names pipeline and step, and keeps code and cause but no text`, async t => {
      const failure = await failureOf(start.step(double).step(failing).run({ n: 1 }))
      t.equal(failure.name, 'PipelineFailure')
      t.equal(failure.pipeline, 'sum')
      t.equal(failure.step, 'Fail')
      t.equal(failure.code, 'not_found')
      t.equal(failure.cause, coded)
      t.equal(failure.message, 'sum failed at Fail')
    })
  }

  for (const thrown of ['text', undefined, null, { code: 'not_found' }, Object.assign(new Error('x'), { code: 7 }), new Error('x')]) {
    t.test(`has no code where its cause has none of its own: ${thrown instanceof Error ? thrown.name : JSON.stringify(thrown)}`, async t => {
      const failure = await failureOf(start.step(fail(thrown)).run({ n: 1 }))
      t.equal(failure.code, undefined)
      t.equal(failure.cause, thrown)
    })
  }

  t.test('of a pipeline inside a step keeps the code and names both', async t => {
    const inner = Pipeline.from<{ n: number }>('inner').step(fail(coded))
    const outer = start.step(step('RunInner', async ({ n }: { n: number }) => { await inner.run({ n }) }))
    const failure = await failureOf(outer.run({ n: 1 }))
    t.equal(failure.step, 'RunInner')
    t.equal(failure.code, 'not_found')
    t.match(failure.cause, { pipeline: 'inner', step: 'Fail', cause: coded })
  })

  t.test('stops the run', async t => {
    const after = step('After', () => { t.fail('a step ran after the failed one') })
    const failure = await failureOf(start.step(rejecting).step(after).run({ n: 1 }))
    t.equal(failure.step, 'Fail')
  })
})

t.test('an abort', async t => {
  const reason = new Error('enough')

  t.test('before the run starts lets no step run', async t => {
    const never = step('Never', () => { t.fail('a step ran') })
    const failure = await failureOf(start.step(never).run({ n: 1 }, undefined, AbortSignal.abort(reason)))
    t.equal(failure.step, 'Never')
    t.equal(failure.cause, reason)
  })

  t.test('during a step lets it finish, and stops before the next', async t => {
    const controller = new AbortController()
    const finished: string[] = []
    const abort = step('Abort', async () => { controller.abort(reason); await nextTurn(); finished.push('Abort') })
    const never = step('Never', () => { finished.push('Never') })
    const failure = await failureOf(start.step(abort).step(never).run({ n: 1 }, undefined, controller.signal))
    t.strictSame(finished, ['Abort'])
    t.equal(failure.step, 'Never')
    t.equal(failure.cause, reason)
  })

  t.test('after the last step changes nothing', async t => {
    const controller = new AbortController()
    const last = step('Last', () => { controller.abort(reason); return { done: true } })
    t.strictSame(await start.step(last).run({ n: 1 }, undefined, controller.signal), { n: 1, operation: 'sum', done: true })
  })

  t.test('once a step that commits has begun changes nothing', async t => {
    const controller = new AbortController()
    const change = commit('Change', async () => { controller.abort(reason); await nextTurn(); return { changed: true } })
    const tell = step('Tell', ({ changed }: { changed: boolean }, signal?: Stop) => ({ told: changed, signal }))
    t.strictSame(await start.step(change).step(tell).run({ n: 1 }, undefined, controller.signal), { n: 1, operation: 'sum', changed: true, told: true, signal: undefined })
    const failure = await failureOf(start.step(change).run({ n: 1 }, undefined, AbortSignal.abort(reason)))
    t.equal(failure.step, 'Change', 'before it has begun it is stopped')
  })

  t.test('is for each step to see', async t => {
    const { signal } = new AbortController()
    const see = step('See', (_: object, given?: Stop) => ({ given }))
    t.equal((await start.step(see).run({ n: 1 }, undefined, signal)).given, signal)
  })
})

t.test('an observer', async t => {
  t.test('is told the start, each step and the end, in order and once', async t => {
    const { told, observer } = recorder()
    const result = await start.step(double).step(later).run({ n: 1 }, observer)
    t.strictSame(result, { n: 1, operation: 'sum', twice: 2, later: 3 })
    t.strictSame(told, [['begin', 'sum', { n: 1, operation: 'sum' }], ['step', 'Double'], ['step', 'Later'], ['end', undefined]])
  })

  t.test('is told of a failure once, and of no step after it', async t => {
    const { told, observer } = recorder()
    const failure = await failureOf(start.step(double).step(fail(new Error('x'))).step(nothing).run({ n: 1 }, observer))
    t.strictSame(told.slice(1, -1), [['step', 'Double'], ['step', 'Fail']])
    t.equal(told.length, 4)
    t.equal((told.at(-1) as unknown[])[1], failure)
  })

  t.test('is told of an abort as of a failure, without the step that did not run', async t => {
    const { told, observer } = recorder()
    const failure = await failureOf(start.step(double).run({ n: 1 }, observer, AbortSignal.abort()))
    t.strictSame(told, [['begin', 'sum', { n: 1, operation: 'sum' }], ['end', failure]])
  })

  t.test('that does not watch a run changes nothing', async t => {
    const observer: Observer = { begin: () => undefined }
    t.strictSame(await start.step(double).run({ n: 1 }, observer), { n: 1, operation: 'sum', twice: 2 })
    t.equal((await failureOf(start.step(fail('x')).run({ n: 1 }, observer))).step, 'Fail')
  })
})
