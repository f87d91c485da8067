// names: Measure, width
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const measure = step('Measure', ({ width }: { width: number }) => ({ area: width * width }))

Pipeline.from<{ width?: number }>('paint').step(measure)
