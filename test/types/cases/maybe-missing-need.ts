// names: UseCache, hit
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const lookUp = step('LookUp', ({ id }: { id: string }) => { if (id !== '') return { hit: id } })
const useCache = step('UseCache', ({ hit }: { hit: string }) => ({ answer: hit }))

Pipeline.from<{ id: string }>('cached').step(lookUp).step(useCache)
