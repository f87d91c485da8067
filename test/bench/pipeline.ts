// npm run bench:pipeline: what the pipeline core costs by itself. Six steps shaped as those of create but doing next to nothing,
// against the same six functions called in a loop on a context that is ready. Medians of rounds that take turns.
import { createLogger } from '../../src/telemetry/log.js'
import { createObserver } from '../../src/telemetry/observer.js'
import { Pipeline, step } from '../../src/pipeline/pipeline.js'

const ROUNDS = 51
/** In a round; few enough that the young generation, which the script's flags enlarge, holds all that they allocate. */
const RUNS = 5_000
const WORD = 8

interface Start {
  readonly caller: { readonly kind: string }
  readonly input: { readonly name: string }
  readonly requestId: string
}
const start: Start = { caller: { kind: 'system' }, input: { name: 'nightly' }, requestId: 'r1' }

const authorize = ({ caller }: Pick<Start, 'caller'>) => { if (caller.kind !== 'system') throw new Error('refused') }
const validate = ({ input }: Pick<Start, 'input'>) => { if (input.name === '') throw new Error('empty') }
const resolveSlug = ({ input }: Pick<Start, 'input'>) => ({ slug: input.name })
const checkDuplicate = ({ slug }: { slug: string }) => { if (slug === '') throw new Error('taken') }
const build = ({ input, slug }: Pick<Start, 'input'> & { slug: string }) => ({ resource: { name: input.name, slug } })
const persist = ({ resource }: { resource: object }) => ({ record: resource })

const beginning = Pipeline.from<Start>('create').step(step('Authorize', authorize)).step(step('ValidateProto', validate)).step(step('ResolveSlug', resolveSlug))
const synchronous = beginning.step(step('CheckDuplicate', checkDuplicate)).step(step('BuildNewState', build)).step(step('Persist', persist))
const asynchronous = beginning
  .step(step('CheckDuplicate', async (ctx: { slug: string }) => checkDuplicate(ctx)))
  .step(step('BuildNewState', build))
  .step(step('Persist', async (ctx: { resource: object }) => persist(ctx)))

const STEPS = synchronous.steps.length
// The start's own copy is the first; each step that adds makes one more, of one key more.
const KEYS = [3, 4, 5, 6]
const DATA = KEYS.reduce((sum, keys) => sum + keys * WORD, 0) / KEYS.length

/** The same functions, one after another: nothing added up, nothing frozen, no name for what fails. */
function loopOver ({ steps }: { steps: ReadonlyArray<{ run: (ctx: any) => unknown }> }, ready: object) {
  const functions = steps.map(({ run }) => run)
  return async () => {
    let last: unknown
    for (const run of functions) {
      const ran = run(ready)
      last = ran instanceof Promise ? await ran : ran
    }
    return last
  }
}

const ready = await synchronous.run(start)
const unwatched = createObserver(createLogger('info', { write () {} }))
const subjects = {
  'loop of the functions': loopOver(synchronous, ready),
  pipeline: () => synchronous.run(start),
  'pipeline, observer idle': () => synchronous.run(start, unwatched),
  'loop, two of them async': loopOver(asynchronous, ready),
  'pipeline, two async': () => asynchronous.run(start)
}

/** Of processor time, which unlike the clock does not run while others have the processor. */
async function nanoseconds (run: () => Promise<unknown>): Promise<number> {
  const began = process.cpuUsage()
  for (let count = 0; count < RUNS; count++) await run()
  const { user, system } = process.cpuUsage(began)
  return (user + system) * 1000 / RUNS
}

async function bytesAllocated (run: () => Promise<unknown>): Promise<number> {
  globalThis.gc!()
  // A collection makes the compiler forget shapes and code; the first runs let it learn them again.
  for (let count = 0; count < RUNS; count++) await run()
  const before = process.memoryUsage().heapUsed
  for (let count = 0; count < RUNS; count++) await run()
  return (process.memoryUsage().heapUsed - before) / RUNS
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!

const samples = Object.entries(subjects).map(([name, run]) => ({ name, run, ns: [] as number[], bytes: [] as number[] }))
for (let round = 0; round < ROUNDS; round++) {
  for (const { run, ns } of samples) ns.push(await nanoseconds(run))
}
// Not between the timed rounds, which a full collection would disturb.
for (let round = 0; round < ROUNDS; round++) {
  for (const { run, bytes } of samples) bytes.push(await bytesAllocated(run))
}

let loop = { ns: 0, bytes: 0 }
const rows = samples.map(sample => {
  const cost = { ns: median(sample.ns), bytes: median(sample.bytes) }
  if (sample.name.startsWith('loop')) loop = cost
  const own = { ns: cost.ns - loop.ns, bytes: cost.bytes - loop.bytes }
  return [
    sample.name, cost.ns.toFixed(0), (cost.ns / STEPS).toFixed(0), (cost.ns / loop.ns).toFixed(2), cost.bytes.toFixed(0),
    ...(cost === loop ? ['', ''] : [(own.ns / STEPS).toFixed(0), (own.bytes / KEYS.length - DATA).toFixed(0)])
  ]
})

const head = ['', 'ns/run', 'ns/step', '× loop', 'bytes/run', 'own ns/step', 'own bytes/context']
const widths = head.map((_, column) => Math.max(...[head, ...rows].map(row => row[column]!.length)))
for (const row of [head, ...rows]) console.log(row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)).join('   '))
console.log(`\n${STEPS} steps, ${KEYS.length} contexts; Node ${process.version}, ${ROUNDS} rounds of ${RUNS} runs. Own: beyond the loop, and a context beyond its data (${DATA} bytes).`)
