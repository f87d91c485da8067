// names: answer, hit
import { operation } from '../../../src/resource/operation.js'
import { Finish, Pipeline, step } from '../../../src/pipeline/pipeline.js'

const recall = step('Recall', ({ id }: { id: string }) => id === '' ? undefined : new Finish({ hit: id }))
const answer = step('Answer', ({ id }: { id: string }) => ({ answer: id }))

operation(Pipeline.from<{ id: string }>('cached').step(recall).step(answer), 'answer', { begin: () => undefined })
