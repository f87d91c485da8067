// names: Shout, word, undefined
import { Pipeline, step } from '../../../src/pipeline/pipeline.js'

const forget = step('Forget', () => ({ word: undefined }))
const shout = step('Shout', ({ word }: { word: string }) => ({ loud: word.toUpperCase() }))

Pipeline.from<{ text: string }>('speech').step(forget).step(shout)
