// names: Split
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const split = step('Split', (): Record<string, string> => ({ caller: 'root' }))

Pipeline.from<{}>('read').step(split)
