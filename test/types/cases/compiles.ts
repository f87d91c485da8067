// What must go on compiling: no message stands beside it.
import { Finish, Pipeline, step } from '../../../src/pipeline/pipeline.js'
import type { Resource } from '../../../src/resource/kind.js'

interface Start {
  readonly name: string
  readonly limit?: number
}
const start = Pipeline.from<Start>('all')
const slug = step('Slug', ({ name }: { name: string }) => ({ slug: name }))
const lookUp = step('LookUp', async ({ slug }: { slug: string }) => { if (slug !== '') return { hit: slug } })

// The result names what the start had and what each step added; values keep their types.
export const result: Promise<{ readonly name: string, readonly slug: string, readonly size: number }> =
  start.step(slug).step(step('Size', ({ slug }: { slug: string }) => ({ size: slug.length }))).run({ name: 'x' })

// Less exact needs than what is there: a wider type, an optional key, one of several contexts.
export const wider = start
  .step(step('Wider', (ctx: { name: unknown, limit?: number }) => { console.log(ctx) }))
  .step(step('Either', (ctx: { name: string } | { id: string }) => { console.log(ctx) }))

// A step that adds sometimes, one that always throws, one that needs and adds nothing.
export const sometimes = start.step(slug).step(lookUp)
  .step(step('Count', () => ({ count: 1 })))
  .step(step('Refuse', () => { throw new Error('no') }))
  .step(step('Nothing', () => {}))

// A start of several parts, or one of several.
export const intersection = Pipeline.from<{ a: number } & { b: number }>('sum')
  .step(step('Sum', ({ a, b }: { a: number, b: number }) => ({ sum: a + b })))
export const union = Pipeline.from<{ by: 'id', id: string } | { by: 'slug', slug: string }>('find')
  .step(step('Find', (ctx: { by: 'id', id: string } | { by: 'slug', slug: string }) => ({ found: ctx.by === 'id' ? ctx.id : ctx.slug })))

// A pipeline over any kind of resource, and a way to run any pipeline that adds what is asked for.
export const generic = <R extends Resource>(build: (input: R) => R) => Pipeline.from<{ input: R }>('generic')
  .step(step('Build', ({ input }: { input: R }) => ({ resource: build(input) })))
  .step(step('Store', ({ resource }: { resource: R }) => ({ stored: resource })))
export const runner = <S extends object, Ctx extends { slug: string }>(pipeline: Pipeline<S, Ctx>) => async (from: S) => (await pipeline.run(from)).slug
export const run = runner(start.step(slug))

// A step that may end the run: what there is then is one of two, and what both have is there.
const recall = step('Recall', ({ slug }: { slug: string }) => slug === '' ? { key: slug } : new Finish({ answer: slug.length }))
export const ended: Promise<{ readonly answer: number } | { readonly key: string, readonly answer: number }> =
  start.step(slug).step(recall).step(step('Answer', ({ key }: { key: string }) => ({ answer: key.length }))).run({ name: 'x' })
