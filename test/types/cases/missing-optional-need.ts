// names: Page, limit
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

// Asked for by nobody, an optional need would be a misspelt one that nobody notices.
const page = step('Page', ({ limit = 10 }: { limit?: number }) => ({ shown: limit }))

Pipeline.from<{ query: string }>('list').step(page)
