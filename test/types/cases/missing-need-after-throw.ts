// names: Greet, slug
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

// What follows a step that always throws never runs, yet is checked: the throw may be gone tomorrow.
const refuse = step('Refuse', () => { throw new Error('closed') })
const greet = step('Greet', ({ slug }: { slug: string }) => ({ greeting: `Hello ${slug}` }))

Pipeline.from<{ name: string }>('welcome').step(refuse).step(greet)
