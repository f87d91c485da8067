// names: Greet, slug
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const makeSlug = step('MakeSlug', ({ name }: { name: string }) => ({ slug: name.toLowerCase() }))
const greet = step('Greet', ({ slug }: { slug: string }) => ({ greeting: `Hello ${slug}` }))

Pipeline.from<{ name: string }>('welcome').step(greet).step(makeSlug)
