// names: List
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const list = step('List', () => ['a', 'b'])

Pipeline.from<{ text: string }>('read').step(list)
