// names: Find, id, slug
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const find = step('Find', (by: { id: string } | { slug: string }) => ({ found: by }))

Pipeline.from<{ name: string }>('lookup').step(find)
