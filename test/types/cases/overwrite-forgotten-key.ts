// names: secret
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const withSecret = Pipeline.from<{ id: string }>('forgetful').step(step('Seal', () => ({ secret: 'x' })))

export const forgetful: Pipeline<{ id: string }, { id: string }> = withSecret
