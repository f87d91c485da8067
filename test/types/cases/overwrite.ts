// names: Impersonate, caller
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const impersonate = step('Impersonate', () => ({ caller: 'root' }))

Pipeline.from<{ caller: string }>('admin').step(impersonate)
