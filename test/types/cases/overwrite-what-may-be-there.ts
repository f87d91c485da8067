// names: Default, hit
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const lookUp = step('LookUp', ({ id }: { id: string }) => { if (id !== '') return { hit: id } })
const fallBack = step('Default', () => ({ hit: 'none' }))

Pipeline.from<{ id: string }>('cached').step(lookUp).step(fallBack)
