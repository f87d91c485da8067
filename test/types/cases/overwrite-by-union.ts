// names: Decide, caller
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const decide = step('Decide', (): { caller: string } | { refused: true } => ({ refused: true }))

Pipeline.from<{ caller: string }>('gate').step(decide)
