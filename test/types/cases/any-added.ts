// names: Parse
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const parse = step('Parse', ({ text }: { text: string }) => JSON.parse(text))

Pipeline.from<{ text: string }>('read').step(parse)
