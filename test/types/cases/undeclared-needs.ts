// names: slug
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

Pipeline.from<{ slug: string }>('welcome').step(step('Greet', ctx => ({ greeting: ctx.slug })))
