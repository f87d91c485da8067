// names: Stamp, time
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const stamp = step('Stamp', () => ({ time: 1 }))

Pipeline.from<{ text: string }>('post').step(stamp).step(stamp)
